import { idTime, isLater } from "./stream-ids.ts";

/** Every entry up to `upTo` existed at the time `at`. */
interface Mark {
  readonly upTo: string;
  readonly at: number;
}

/** Two marks of a ledger: `old` decides which entries are old, `next` replaces it later. */
interface Marks {
  old: Mark | undefined;
  next: Mark | undefined;
}

/** The most ledgers that are remembered. Beyond it the least recently read is forgotten: its entries wait for `olderThanMs` again. */
const MOST_LEDGERS = 10_000;

/**
 * Tells which entries of a ledger are old. An entry's id is Redis' time when it was written. If Redis' clock was set back, or
 * a server with a slower clock was promoted, ids are in the future, perhaps by an hour, and so are all later ids, because ids of a
 * stream only grow. The age of such an entry is the time since this process first saw it, by the monotonic clock.
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
    this.#ledgers.delete(ledger); // so that the first of the map is the least recently used
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
