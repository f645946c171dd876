/** How long the rest of a drain will take, going by its pace so far. */
export class DrainPace {
  readonly #report: (remainingMs: number) => void;
  #first: { readonly remaining: number; readonly at: number } | undefined;
  #reportAt = 0;

  /** @param report told about once a second */
  constructor(report: (remainingMs: number) => void) {
    this.#report = report;
  }

  /** So many records are to go. */
  records(remaining: number, now: number = performance.now()): void {
    this.#first ??= { remaining, at: now };
    const done = this.#first.remaining - remaining;
    if (done > 0) this.#say(now, (remaining * (now - this.#first.at)) / done);
    else this.#say(now, this.#first.at === now ? Math.min(UNKNOWN_MS, remaining / USUAL_PER_MS) : UNKNOWN_MS);
  }

  /** Nobody can say how many. */
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
/** What is said while nothing moves: Kafka may answer in the next moment, or in an hour. */
const UNKNOWN_MS = 5_000;
/** Records that one consumers process persists, before this one's pace is known. */
const USUAL_PER_MS = 10;
