import { LRUCache } from "lru-cache";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { CouponId, UserId } from "../../contracts/wire/ids.ts";
import type { Winner } from "../../lua/sale-reading.ts";

/**
 * A user's win in a sale that is over and that Redis does not hold. `isFinal`: nothing of the sale is on its way to
 * PostgreSQL any more, so the answer may be remembered. @throws StampedeError OVERLOADED
 */
export type PastWin = (couponId: CouponId, userId: UserId, isFinal: boolean) => Promise<Winner | null>;

/** Half of the process's connections: questions about past sales must not take the database from other requests. */
const MAX_AT_ONCE = 4;
/** The limit of waiting lookups; further ones are refused. */
const MAX_WAITING = 100;

/** How many answers are remembered, and for how long: users who ask repeatedly, mostly losers, are answered from memory. */
const REMEMBERED = 50_000;
const REMEMBER_MS = 10_000;

/** Asks PostgreSQL, with a concurrency limit. */
export function createPastWins(find: (couponId: CouponId, userId: UserId) => Promise<Winner | null>): PastWin {
  const known = new LRUCache<string, { readonly win: Winner | null }>({ max: REMEMBERED, ttl: REMEMBER_MS });
  const waiting: (() => void)[] = [];
  let asking = 0;
  return async (couponId, userId, isFinal) => {
    const name = `${couponId} ${userId}`;
    const answer = known.get(name);
    if (answer !== undefined) return answer.win;
    if (waiting.length >= MAX_WAITING) throw new StampedeError("OVERLOADED");
    if (asking >= MAX_AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
    else asking++;
    try {
      const win = await find(couponId, userId);
      if (isFinal) known.set(name, { win });
      return win;
    } finally {
      // The next waiting lookup takes over this turn.
      const next = waiting.shift();
      if (next === undefined) asking--;
      else next();
    }
  };
}
