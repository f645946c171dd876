import type { HistogramJson } from "./histogram.ts";

export type LoadClientName = "sockets" | "autocannon";

/** What a load process is told to do. Plain data: it crosses a process border. */
export interface LoadPlan {
  /** Our own raw sockets, or autocannon. */
  readonly client: LoadClientName;
  readonly host: string;
  readonly port: number;
  /** Request target, e.g. `/coupons/7qj4x0m2kd9a/issue`. */
  readonly path: string;
  readonly method: "GET" | "POST";
  /** Connections; each has one request on its way at a time (no pipelining). */
  readonly connections: number;
  /** Who asks. Request i carries the token of user `prefix + (from + i % count)`; null: no token. */
  readonly users: { readonly prefix: string; readonly from: number; readonly count: number } | null;
  /** Requests in all; with `seconds`, whichever is reached first. */
  readonly amount: number | null;
  readonly seconds: number | null;
  /** Not before, milliseconds since 1970; connections are open and tokens minted by then. */
  readonly startAtMs: number | null;
  readonly secret: string;
  readonly issuer: string;
  readonly audience: string;
}

export interface Win {
  readonly user: number;
  readonly requestId: string;
  readonly slot: number;
  readonly durable: string;
}

export interface LoadProgress {
  readonly requests: number;
  /** HTTP status → answers. */
  readonly statuses: Readonly<Record<number, number>>;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface LoadResult {
  readonly requests: number;
  readonly statuses: Readonly<Record<number, number>>;
  /** Connections that broke, requests that got no answer. */
  readonly errors: number;
  readonly seconds: number;
  readonly startedAtMs: number;
  /** From the first request to the last 202, seconds; null without a 202. */
  readonly lastWinS: number | null;
  readonly latency: HistogramJson;
  /** Every 202. */
  readonly wins: readonly Win[];
  /** A few bodies of every status, to look at when something is wrong. */
  readonly samples: Readonly<Record<number, string>>;
}

export type ToLoader = { readonly type: "plan"; readonly plan: LoadPlan };
export type FromLoader =
  | { readonly type: "ready" }
  | { readonly type: "progress"; readonly progress: LoadProgress }
  | { readonly type: "result"; readonly result: LoadResult }
  | { readonly type: "failed"; readonly message: string };
