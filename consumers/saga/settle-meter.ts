import type { SettleTimes } from "../../lua/settle-times.ts";
import type { Folded } from "./fold-order.ts";

/** The latest settle times that are kept: a second of a thousand orders. */
const SAMPLES = 1_000;

/** Measures how long orders took that settled lately. */
export class SettleMeter {
  /** Milliseconds each; a ring. */
  readonly #samples: number[] = [];
  #next = 0;
  #settled = 0;
  #since = performance.now();

  advanced(folded: readonly Folded[]): void {
    for (const { decisions, state } of folded) {
      const end = decisions.find((decision) => decision.type === "OrderSettled");
      // The gateway's clock gave the start and this machine's the end; the two may differ.
      if (end !== undefined && state.order !== null) this.#note(Math.max(0, end.cause.at - state.order.createdAt));
    }
  }

  /** What was measured since the last call; null: nothing has settled since. */
  take(): SettleTimes | null {
    const seconds = (performance.now() - this.#since) / 1_000;
    const settled = this.#settled;
    if (settled === 0) return null;
    const sorted = this.#samples.toSorted((a, b) => a - b);
    const quantile = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;
    const times = { settledPerS: settled / Math.max(seconds, 0.001), p50Ms: quantile(0.5), p95Ms: quantile(0.95) };
    this.#samples.length = 0;
    this.#next = 0;
    this.#settled = 0;
    this.#since = performance.now();
    return times;
  }

  #note(ms: number): void {
    this.#samples[this.#next] = ms;
    this.#next = (this.#next + 1) % SAMPLES;
    this.#settled++;
  }
}
