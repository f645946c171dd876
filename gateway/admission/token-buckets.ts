/**
 * Token buckets by key in bounded memory. A bucket is one number (GCRA: the time at which it is full again).
 *
 * Buckets live in two generations. Every `burst / perSecond` seconds the older one is dropped: none of its buckets was used for that
 * long, so all of them are full, and a new bucket is full as well. If more keys arrive than fit, the older generation is dropped
 * early. That refills the buckets in it, so forgetting never refuses a request; and it needs `maxKeys / 2` requests of different
 * keys, each of which could have used its own bucket instead.
 */
export class TokenBuckets {
  readonly #interval: number;
  readonly #window: number;
  readonly #half: number;
  readonly #burst: number;
  #young = new Map<string, number>();
  #old = new Map<string, number>();
  #turnedAt = 0;

  /**
   * @param perSecond tokens that a bucket gains in a second
   * @param burst tokens that a bucket holds
   * @param maxKeys the bound of remembered keys
   */
  constructor(perSecond: number, burst: number, maxKeys: number) {
    this.#interval = 1000 / perSecond;
    this.#burst = burst;
    this.#window = this.#interval * burst;
    this.#half = Math.max(1, Math.floor(maxKeys / 2));
  }

  /** Remembered keys, at most `maxKeys`. A key may be counted twice. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /**
   * Takes tokens out of the key's bucket. @param tokens more than `burst` count as `burst`. @param nowMs of performance.now()
   * @returns 0: taken. Otherwise nothing was taken, and the milliseconds until there are as many.
   */
  spend(key: string, tokens: number, nowMs: number): number {
    if (this.#young.size >= this.#half || nowMs - this.#turnedAt >= this.#window) this.#turn(nowMs);
    const fullAt = this.#young.get(key) ?? this.#old.get(key) ?? 0;
    const next = Math.max(fullAt, nowMs) + Math.min(tokens, this.#burst) * this.#interval;
    const wait = next - nowMs - this.#window;
    if (wait > 1e-6) return wait; // less is what adding fractions leaves
    this.#young.set(key, next);
    return 0;
  }

  #turn(nowMs: number): void {
    this.#old = this.#young;
    this.#young = new Map();
    this.#turnedAt = nowMs;
  }
}
