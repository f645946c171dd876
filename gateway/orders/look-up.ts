import { gather } from "../../db/gather.ts";
import type { KeyedOrder, KnownOrder } from "../../db/orders/known.ts";

/** What PostgreSQL knows of requests for orders. */
export interface LookUp {
  /** Waits for the answer. @throws StampedeError DATABASE_UNAVAILABLE, OVERLOADED */
  ask(asked: KeyedOrder): Promise<KnownOrder>;
  /** The same, but null if PostgreSQL stays silent for `ms`. Default: as long as a new order waits for it. */
  askWithin(asked: KeyedOrder, ms?: number): Promise<KnownOrder | null>;
}

/** How long to wait for PostgreSQL's answer before a new order is taken without it; the unique key decides then. */
const NEW_ORDER_MS = 50;
/** Requests in one statement. */
const AT_ONCE = 500;
/** Questions that may wait while PostgreSQL stays silent: what is beyond is not asked. */
const MOST_WAITING = 5_000;

/** @param find in the order asked for; what is asked meanwhile is the next statement's */
export function createLookUp(find: (asked: readonly KeyedOrder[]) => Promise<readonly KnownOrder[]>): LookUp {
  const inBatches = gather(find, AT_ONCE);
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
        // After a pause of this process the timer comes before an answer that has long been there: that is read first.
        timer = setTimeout(() => setImmediate(resolve, null), ms);
      });
      // The query that got no answer from the database has logged it already.
      const answer = ask(asked).catch(() => null);
      return await Promise.race([answer, silent]).finally(() => clearTimeout(timer));
    },
  };
}
