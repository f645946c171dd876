import type { HistogramJson } from "../load/histogram.ts";
import type { TokenTerms } from "../tokens.ts";

/** Load at a fixed rate, whatever becomes of it (an open loop). */
export interface PacedPlan extends TokenTerms {
  readonly kind: "abusers" | "honest";
  readonly host: string;
  readonly port: number;
  readonly connections: number;
  /** Different users; `prefix` and a number. */
  readonly users: number;
  readonly prefix: string;
  readonly perSecond: number;
  readonly seconds: number;
  /** Sales: abusers claim the first, honest users one after the other. */
  readonly coupons: readonly string[];
  /** Of abusers: WebSockets that send `resume` again and again. */
  readonly sockets: number;
}

export interface PacedResult {
  readonly seconds: number;
  /** Status → answers; of sockets, "socket": messages sent, "socket closed": sockets that ended or did not open. */
  readonly answers: Readonly<Record<string, number>>;
  /** Connections that broke in the middle of a request. */
  readonly broken: number;
  /** From the moment when a request was due. */
  readonly latency: HistogramJson;
}

export type FromPaced =
  | { readonly type: "result"; readonly result: PacedResult }
  | { readonly type: "failed"; readonly message: string };
