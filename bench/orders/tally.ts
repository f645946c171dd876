import { Histogram } from "../load/histogram.ts";
import type { OrderFate } from "./mix.ts";
import type { OrderLoadResult, OrderProgress, OutcomeName } from "./plan.ts";

interface UnderWay {
  readonly fate: OrderFate;
  /** `performance.now()` when it was placed, or should have been. */
  readonly dueAt: number;
  readonly ended: () => void;
}

/** What an order process keeps of its orders: those under way, and sums of the others; so its memory is bounded. */
export class OrderTally {
  readonly #underWay = new Map<string, UnderWay>();
  /** Ends that came before the answer to the request. */
  readonly #early = new Map<string, { readonly end: string; readonly at: number }>();
  readonly #accepted = new Histogram();
  readonly #settled = new Histogram();
  readonly #statuses: Record<number, number> = {};
  readonly #samples: Record<number, string> = {};
  readonly #cancels: Record<number, number> = {};
  readonly #outcomes: Record<OutcomeName, number> = {};
  #placed = 0;
  #completed = 0;
  #cancelled = 0;
  #startedAt = 0;
  /** `performance.now()` of the last thing that went forward. */
  lastProgressAt = 0;
  errors = 0;
  cancelsRefused = 0;
  dropped = 0;

  start(): void {
    this.#startedAt = performance.now();
    this.lastProgressAt = this.#startedAt;
  }

  get underWay(): number {
    return this.#underWay.size;
  }

  /** An answer to POST /orders. `ended` is called when the order has ended, or at once if there is none. */
  answered(status: number, text: string, order: UnderWay): string | null {
    const now = performance.now();
    this.#statuses[status] = (this.#statuses[status] ?? 0) + 1;
    if (status !== 202) {
      this.#samples[status] ??= text;
      return null;
    }
    const { orderId } = JSON.parse(text) as { orderId: string };
    this.#placed++;
    this.lastProgressAt = now;
    this.#accepted.add((now - order.dueAt) * 1_000);
    this.#underWay.set(orderId, order);
    const early = this.#early.get(orderId);
    if (early !== undefined) {
      this.#early.delete(orderId);
      this.ended(orderId, early.end, early.at);
    }
    return orderId;
  }

  ended(orderId: string, end: string, at = performance.now()): void {
    const order = this.#underWay.get(orderId);
    if (order === undefined) {
      this.#early.set(orderId, { end, at });
      return;
    }
    this.#underWay.delete(orderId);
    this.#settled.add((at - order.dueAt) * 1_000);
    this.lastProgressAt = Math.max(this.lastProgressAt, at);
    if (end === "COMPLETED") this.#completed++;
    else this.#cancelled++;
    const name: OutcomeName = `${order.fate} ${end}`;
    this.#outcomes[name] = (this.#outcomes[name] ?? 0) + 1;
    order.ended();
  }

  cancelAnswered(status: number): void {
    this.#cancels[status] = (this.#cancels[status] ?? 0) + 1;
  }

  progress(): OrderProgress {
    return {
      placed: this.#placed,
      completed: this.#completed,
      cancelled: this.#cancelled,
      p50Ms: this.#settled.percentile(50) / 1_000,
      p95Ms: this.#settled.percentile(95) / 1_000,
    };
  }

  result(): OrderLoadResult {
    return {
      placed: this.#placed,
      seconds: (this.lastProgressAt - this.#startedAt) / 1_000,
      statuses: this.#statuses,
      samples: this.#samples,
      errors: this.errors,
      cancels: this.#cancels,
      cancelsRefused: this.cancelsRefused,
      outcomes: this.#outcomes,
      unsettled: this.#underWay.size,
      dropped: this.dropped,
      accepted: this.#accepted.toJSON(),
      settled: this.#settled.toJSON(),
    };
  }
}
