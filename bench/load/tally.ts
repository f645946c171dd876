import { Histogram } from "./histogram.ts";
import type { LoadPlan, LoadProgress, LoadResult, Win } from "./plan.ts";

/** What a load client keeps of the answers; all clients count alike. */
export class Tally {
  readonly #plan: LoadPlan;
  readonly #latency = new Histogram();
  readonly #statuses: Record<number, number> = {};
  readonly #samples: Record<number, string> = {};
  readonly #wins: Win[] = [];
  #answered = 0;
  #startedAt = 0;
  #startedAtMs = 0;
  #lastWinS: number | null = null;
  errors = 0;

  constructor(plan: LoadPlan) {
    this.#plan = plan;
  }

  /** The first request is about to be sent. */
  start(): void {
    this.#startedAt = performance.now();
    this.#startedAtMs = Date.now();
  }

  /** `performance.now()` after which nothing more is sent. */
  get endAt(): number {
    return this.#plan.seconds === null ? Number.POSITIVE_INFINITY : this.#startedAt + this.#plan.seconds * 1000;
  }

  /** One answer. `body` is only called when it is needed. */
  note(request: number, status: number, tookMs: number, body: () => string): void {
    this.#latency.add(tookMs * 1000);
    this.#statuses[status] = (this.#statuses[status] ?? 0) + 1;
    this.#answered++;
    this.#samples[status] ??= body();
    if (status !== 202) return;
    const { requestId, slot, durable } = JSON.parse(body());
    const { users } = this.#plan;
    this.#wins.push({ user: users === null ? 0 : users.from + (request % users.count), requestId, slot, durable });
    this.#lastWinS = (performance.now() - this.#startedAt) / 1000;
  }

  progress(): LoadProgress {
    return {
      requests: this.#answered,
      statuses: { ...this.#statuses },
      p50Ms: this.#latency.percentile(50) / 1000,
      p99Ms: this.#latency.percentile(99) / 1000,
    };
  }

  result(): LoadResult {
    return {
      requests: this.#answered,
      statuses: this.#statuses,
      errors: this.errors,
      seconds: (performance.now() - this.#startedAt) / 1000,
      startedAtMs: this.#startedAtMs,
      lastWinS: this.#lastWinS,
      latency: this.#latency.toJSON(),
      wins: this.#wins,
      samples: this.#samples,
    };
  }
}
