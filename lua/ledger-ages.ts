const timeOf = (id: string): number => Number.parseInt(id, 10);
const sequenceOf = (id: string): number => Number(id.slice(id.indexOf("-") + 1));
const isBehind = (a: string, b: string): boolean =>
  timeOf(a) === timeOf(b) ? sequenceOf(a) > sequenceOf(b) : timeOf(a) > timeOf(b);

interface Mark {
  readonly upTo: string;
  readonly at: number;
}

/** Beyond so many ledgers the marks that are looked at least are forgotten: their entries wait for `olderThanMs` once more. */
const MOST_LEDGERS = 10_000;

/**
 * Tells which entries of a ledger are old. An entry's id is Redis' time when it was made, but Redis' clock may have been set back, or
 * another server with a slower one was promoted: then ids lie in the future, an hour perhaps, and so do all that follow, because
 * ids of a stream only grow. Those are as old as this process has seen them, by its own clock, which only goes forward.
 */
export class LedgerAges {
  readonly #marks = new Map<string, Mark>();

  /**
   * How many of `ids`, from the first on, are older than `olderThanMs`.
   * @param ids of one ledger, in its order. @param redisMs Redis' time. @param nowMs by `performance.now()`
   */
  oldest(
    ledger: string,
    ids: readonly string[],
    redisMs: number,
    olderThanMs: number,
    nowMs: number = performance.now(),
  ): number {
    if (olderThanMs <= 0) return ids.length;
    let old = 0;
    while (old < ids.length && timeOf(ids[old]!) <= redisMs - olderThanMs) old++;
    const last = ids.at(-1);
    if (last === undefined || timeOf(last) <= redisMs) return old;
    const mark = this.#marks.get(ledger);
    if (mark === undefined) return this.#note(ledger, last, nowMs, old);
    if (nowMs - mark.at < olderThanMs) return old;
    while (old < ids.length && !isBehind(ids[old]!, mark.upTo)) old++;
    return this.#note(ledger, last, nowMs, old);
  }

  #note(ledger: string, upTo: string, at: number, old: number): number {
    this.#marks.delete(ledger); // so that the first of the map is the one that was noted longest ago
    this.#marks.set(ledger, { upTo, at });
    if (this.#marks.size > MOST_LEDGERS) this.#marks.delete(this.#marks.keys().next().value!);
    return old;
  }
}
