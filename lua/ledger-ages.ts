import { idTime, isLater } from "./stream-ids.ts";

/** Everything up to here was there at that moment. */
interface Mark {
  readonly upTo: string;
  readonly at: number;
}

/** Two marks of a ledger: an older one, by which entries are old, and one that is on its way to be that. */
interface Marks {
  old: Mark | undefined;
  next: Mark | undefined;
}

/** The most ledgers that are remembered. Beyond it the least recently read is forgotten: its entries wait for `olderThanMs` again. */
const MOST_LEDGERS = 10_000;

/**
 * Tells which entries of a ledger are old. An entry's id is Redis' time when it was made, but Redis' clock may have been set
 * back, or another server with a slower one was promoted: then ids lie in the future, an hour perhaps, and so do all that
 * follow, because ids of a stream only grow. Those are as old as this process has seen them, by its own clock, which only
 * goes forward.
 */
export class LedgerAges {
  readonly #ledgers = new Map<string, Marks>();

  /**
   * How many of `ids`, from the first on, are older than `olderThanMs`. The same entries may be looked at often, the first of them
   * alone or many together.
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
    let count = 0;
    while (count < ids.length && idTime(ids[count]!) <= redisMs - olderThanMs) count++;
    const last = ids.at(-1);
    if (last === undefined || idTime(last) <= redisMs) return count;
    const { old } = this.#look(ledger, last, olderThanMs, nowMs);
    if (old === undefined || nowMs - old.at < olderThanMs) return count;
    while (count < ids.length && !isLater(ids[count]!, old.upTo)) count++;
    return count;
  }

  #look(ledger: string, last: string, olderThanMs: number, nowMs: number): Marks {
    const marks = this.#ledgers.get(ledger) ?? { old: undefined, next: undefined };
    this.#ledgers.delete(ledger); // so that the first of the map is the one that was looked at longest ago
    this.#ledgers.set(ledger, marks);
    if (this.#ledgers.size > MOST_LEDGERS) this.#ledgers.delete(this.#ledgers.keys().next().value!);
    if (marks.next !== undefined && nowMs - marks.next.at >= olderThanMs) {
      marks.old = marks.next;
      marks.next = undefined;
    }
    if (marks.next === undefined && (marks.old === undefined || isLater(last, marks.old.upTo))) {
      marks.next = { upTo: last, at: nowMs };
    }
    return marks;
  }
}
