/** First wait, milliseconds: longer than a group needs to assign its partitions again after its broker came back. */
const FIRST_WAIT_MS = 30_000;
/** Longest wait, milliseconds. A member that is idle because the group has more members than partitions rejoins rarely. */
const LONGEST_WAIT_MS = 600_000;

/**
 * Says when a consumer that lost all its partitions should be replaced by a new one. After a broker was away for longer
 * than the session timeout, librdkafka (2.15.1) sometimes never joins its group again: its request to the coordinator waits
 * for a connection that is not opened. A member that rightly has no partition rejoins too, after waits that double; that
 * costs the other members nothing.
 */
export class RejoinTimer {
  #since: number | null = null;
  #waitMs = FIRST_WAIT_MS;

  assigned(): void {
    this.#since = null;
    this.#waitMs = FIRST_WAIT_MS;
  }

  /** @param left how many partitions it still has */
  revoked(left: number, nowMs: number): void {
    if (left === 0) this.#since ??= nowMs;
  }

  /** True once per wait; the next wait is twice as long. */
  isDue(nowMs: number): boolean {
    if (this.#since === null || nowMs - this.#since < this.#waitMs) return false;
    this.#since = nowMs;
    this.#waitMs = Math.min(LONGEST_WAIT_MS, 2 * this.#waitMs);
    return true;
  }
}
