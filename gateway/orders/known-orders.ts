import { oneBatchAtATime } from "../../contracts/async/per-turn.ts";
import type { KeyedOrder, KnownOrder } from "../../db/orders/known.ts";

/** Looks up in PostgreSQL what became of requests for orders. */
export interface LookUp {
  /** Waits for the answer. @throws StampedeError DATABASE_UNAVAILABLE, OVERLOADED */
  ask(asked: KeyedOrder): Promise<KnownOrder>;
  /** The same, but null if PostgreSQL does not answer within `ms`. Default: the wait of a new order. */
  askWithin(asked: KeyedOrder, ms?: number): Promise<KnownOrder | null>;
}

/** How long to wait for PostgreSQL's answer before a new order is taken without it; the unique key decides then. */
const NEW_ORDER_MS = 50;
/** Requests in one statement. */
const AT_ONCE = 500;
/** The limit of lookups that wait while PostgreSQL does not answer; further ones are refused. */
const MOST_WAITING = 5_000;

/** @param find results have the order of the keys; lookups that arrive during a statement go into the next one */
export function createLookUp(find: (asked: readonly KeyedOrder[]) => Promise<readonly KnownOrder[]>): LookUp {
  const inBatches = oneBatchAtATime(find, AT_ONCE);
  let waiting = 0;
  const ask = async (asked: KeyedOrder) => {
    waiting++;
    return await inBatches(asked).finally(() => waiting--);
  };
  return {
    ask,
    async askWithin(asked, ms = NEW_ORDER_MS) {
      if (waiting >= MOST_WAITING) return null;
      let timer: ReturnType<typeof setTimeout> | undefined;
      const silent = new Promise<null>((resolve) => {
        // After a pause of this process the timer fires before an answer that has already arrived: read that first.
        timer = setTimeout(() => setImmediate(resolve, null), ms);
      });
      // The query that got no answer from the database has logged it already.
      const answer = ask(asked).catch(() => null);
      return await Promise.race([answer, silent]).finally(() => clearTimeout(timer));
    },
  };
}
