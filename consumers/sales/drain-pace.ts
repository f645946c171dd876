/** Estimates how long the rest of a drain will take, from its pace so far. */
export class DrainPace {
  readonly #report: (remainingMs: number) => void;
  #first: { readonly remaining: number; readonly at: number } | undefined;
  #reportAt = 0;

  /** @param report called about once a second */
  constructor(report: (remainingMs: number) => void) {
    this.#report = report;
  }

  /** `remaining`: records that are not committed. */
  records(remaining: number, now: number = performance.now()): void {
    this.#first ??= { remaining, at: now };
    const done = this.#first.remaining - remaining;
    if (done > 0) this.#say(now, (remaining * (now - this.#first.at)) / done);
    else this.#say(now, this.#first.at === now ? Math.min(UNKNOWN_MS, remaining / USUAL_PER_MS) : UNKNOWN_MS);
  }

  /** The number of remaining records is not known. */
  unknown(now: number = performance.now()): void {
    this.#say(now, UNKNOWN_MS);
  }

  #say(now: number, remainingMs: number): void {
    if (now < this.#reportAt) return;
    this.#reportAt = now + REPORT_MS;
    this.#report(remainingMs);
  }
}

const REPORT_MS = 1_000;
/** Milliseconds that are reported without progress: Kafka may answer in the next moment, or in an hour. */
const UNKNOWN_MS = 5_000;
/** Records per millisecond that one consumers process usually persists. Used until this group's pace is known. */
const USUAL_PER_MS = 10;
