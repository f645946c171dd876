import type { HistogramJson } from "../load/histogram.ts";
import type { Goods } from "./goods.ts";
import type { OrderFate } from "./mix.ts";

/** When the next order is placed. */
export type OrderPace =
  /** A fixed number of orders is under way at any time: each place is taken again when its order has ended. */
  | { readonly kind: "closed"; readonly places: number }
  /** A fixed number of orders a second, whether earlier ones have ended or not. Times count from the moment an order was due. */
  | { readonly kind: "rate"; readonly perSecond: number }
  /** Every user orders, waits for the end, thinks for a time between the two, and orders again. */
  | { readonly kind: "people"; readonly thinkMs: readonly [number, number] };

/** What an order process is told to do. Plain data: it crosses a process border. */
export interface OrderPlan {
  readonly host: string;
  readonly port: number;
  readonly secret: string;
  readonly issuer: string;
  readonly audience: string;
  /** HTTP connections; each has one request on its way at a time. */
  readonly connections: number;
  /** Users `prefix + 0` … `prefix + (users − 1)`, each with a WebSocket. */
  readonly prefix: string;
  readonly users: number;
  readonly goods: Goods;
  /** Orders in all; with `seconds`, whichever is reached first. */
  readonly amount: number;
  readonly seconds: number | null;
  readonly pace: OrderPace;
  /** Every n-th order is by card alone; 0: none. */
  readonly plainEvery: number;
  /** How long the last orders may take to end, and all of them to make any progress. */
  readonly patienceMs: number;
}

export interface OrderProgress {
  readonly placed: number;
  readonly completed: number;
  readonly cancelled: number;
  /** From the request to the final message. */
  readonly p50Ms: number;
  readonly p95Ms: number;
}

export interface OrderLoadResult {
  /** Orders that were answered 202. */
  readonly placed: number;
  /** From the first request to the last final message. */
  readonly seconds: number;
  /** HTTP status → answers to POST /orders; a few bodies of the unexpected ones. */
  readonly statuses: Readonly<Record<number, number>>;
  readonly samples: Readonly<Record<number, string>>;
  /** Requests that got no answer. */
  readonly errors: number;
  /** HTTP status → answers to requests to cancel. */
  readonly cancels: Readonly<Record<number, number>>;
  /** Messages that a cancellation came too late. */
  readonly cancelsRefused: number;
  /** What became of which orders: `fine COMPLETED`, `declined CANCELLED PAYMENT_DECLINED`, … */
  readonly outcomes: Readonly<Record<OutcomeName, number>>;
  /** Accepted, and without a final message when patience ended. */
  readonly unsettled: number;
  /** Sockets that closed without being asked to. */
  readonly dropped: number;
  /** POST to 202. */
  readonly accepted: HistogramJson;
  /** POST to final message. */
  readonly settled: HistogramJson;
}

export type OutcomeName = `${OrderFate} ${string}`;

export type ToOrders = { readonly type: "plan"; readonly plan: OrderPlan } | { readonly type: "go" };
export type FromOrders =
  /** Coupons are won, sockets are open; it waits for `go`. */
  | { readonly type: "ready" }
  | { readonly type: "progress"; readonly progress: OrderProgress }
  | { readonly type: "result"; readonly result: OrderLoadResult }
  | { readonly type: "failed"; readonly message: string };
