/** Longer than a group needs to share its partitions out again after its broker came back. */
const FIRST_MS = 30_000;
/** A member that has nothing to do because there are more of them than partitions should not join anew all the time. */
const LONGEST_MS = 600_000;

/**
 * Tells when a consumer that had partitions has been without for so long that it should be replaced. After a broker was away for
 * longer than the session, librdkafka (2.15.1) sometimes never joins its group again: its question to the coordinator waits for
 * a connection that nobody opens. A member that rightly has none joins anew, less and less often, which costs the others nothing.
 */
export class Stranded {
  #since: number | null = null;
  #patienceMs = FIRST_MS;

  assigned(): void {
    this.#since = null;
    this.#patienceMs = FIRST_MS;
  }

  /** @param left how many partitions it still has */
  revoked(left: number, nowMs: number): void {
    if (left === 0) this.#since ??= nowMs;
  }

  /** True once per wait; the next one is twice as long. */
  isDue(nowMs: number): boolean {
    if (this.#since === null || nowMs - this.#since < this.#patienceMs) return false;
    this.#since = nowMs;
    this.#patienceMs = Math.min(LONGEST_MS, 2 * this.#patienceMs);
    return true;
  }
}
