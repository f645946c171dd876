import { KafkaError } from "./kafka.ts";

/** Something that a deadline may end. */
export interface Expirable {
  /** Set by the owner once the outcome is known. The deadline then does nothing. */
  settled: boolean;
  expire(error: KafkaError): void;
}

const TICK_MS = 10;
/** Settled items are held until their deadline. Above this number they are searched for and released. */
const SWEEP_FROM = 8_192;

/**
 * Deadlines to the nearest 10 ms. A timer per record would cost more than sending it; here one interval runs, and
 * only while something may expire. Everything that expires in one tick is given the same error: a stalled broker
 * would otherwise make tens of thousands of stack traces a second.
 */
export class RecordDeadlines {
  readonly #buckets = new Map<number, Expirable[]>();
  readonly #beforeExpiry: (then: () => void) => void;
  #timer: ReturnType<typeof setInterval> | undefined;
  #passed = 0;
  #held = 0;
  #sweepAt = SWEEP_FROM;

  /** @param beforeExpiry runs before anything expires, and must call `then`: reports that have arrived count as on time */
  constructor(beforeExpiry: (then: () => void) => void) {
    this.#beforeExpiry = beforeExpiry;
  }

  add(item: Expirable, afterMs: number): void {
    const now = performance.now();
    if (this.#timer === undefined) {
      this.#passed = Math.floor(now / TICK_MS) - 1;
      this.#timer = setInterval(() => this.#pass(), TICK_MS);
    }
    const tick = Math.max(Math.ceil((now + afterMs) / TICK_MS), this.#passed + 1);
    const bucket = this.#buckets.get(tick);
    if (bucket !== undefined) bucket.push(item);
    else this.#buckets.set(tick, [item]);
    if (++this.#held > this.#sweepAt) this.#sweep();
  }

  clear(): void {
    this.#buckets.clear();
    this.#held = 0;
    this.#stop();
  }

  #pass(): void {
    const tick = Math.floor(performance.now() / TICK_MS);
    const due: Expirable[][] = [];
    for (let at = this.#passed + 1; at <= tick; at++) {
      const bucket = this.#buckets.get(at);
      if (bucket === undefined) continue;
      due.push(bucket);
      this.#buckets.delete(at);
      this.#held -= bucket.length;
    }
    this.#passed = Math.max(this.#passed, tick);
    if (due.length > 0) this.#beforeExpiry(() => expire(due));
    if (this.#buckets.size === 0) this.#stop();
  }

  /** Releases settled items. The limit becomes twice what remains, so that each item pays a constant share of the sweeps. */
  #sweep(): void {
    this.#held = 0;
    for (const [tick, bucket] of this.#buckets) {
      const open = bucket.filter(({ settled }) => !settled);
      this.#held += open.length;
      if (open.length === 0) this.#buckets.delete(tick);
      else this.#buckets.set(tick, open);
    }
    this.#sweepAt = Math.max(SWEEP_FROM, this.#held * 2);
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

function expire(due: readonly Expirable[][]): void {
  const error = new KafkaError("ACK_DEADLINE", "no delivery report in time; the record may still be delivered");
  for (const bucket of due) for (const item of bucket) if (!item.settled) item.expire(error);
}
