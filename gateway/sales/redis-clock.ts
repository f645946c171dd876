/** Milliseconds after which the difference between the two clocks is measured again. */
const MEASURED_MS = 1_000;

/**
 * The clock that decides claims, without a call to Redis for each question: it is asked at most once a second, in the background, and
 * the time since then comes from this process' monotonic clock. The error is half a round trip. Before the first answer, and
 * while Redis is away from the start, it is this machine's clock.
 */
export class RedisClock {
  #askedAt = Number.NEGATIVE_INFINITY;
  /** Redis' time minus `performance.now()`; null: not known. */
  #difference: number | null = null;

  /** @param read Redis' time, milliseconds since 1970 */
  constructor(private readonly read: () => Promise<number>) {}

  /** Milliseconds since 1970, whole. */
  now = (): number => {
    const at = performance.now();
    if (at - this.#askedAt >= MEASURED_MS) void this.#measure(at);
    return this.#difference === null ? Date.now() : Math.floor(at + this.#difference);
  };

  async #measure(at: number): Promise<void> {
    this.#askedAt = at;
    try {
      const time = await this.read();
      this.#difference = time - (at + performance.now()) / 2;
    } catch {
      // The last difference is used: two clocks drift apart by milliseconds an hour.
    }
  }
}
