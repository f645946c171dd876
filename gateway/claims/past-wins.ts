import { LRUCache } from "lru-cache";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { CouponId, UserId } from "../../contracts/wire/ids.ts";
import type { Winner } from "../../lua/sale-reading.ts";

/**
 * A user's win in a sale that is over and that Redis does not hold. `isFinal`: nothing of the sale is on its way to
 * PostgreSQL any more, so the answer may be remembered. @throws StampedeError OVERLOADED
 */
export type PastWin = (couponId: CouponId, userId: UserId, isFinal: boolean) => Promise<Winner | null>;

/** Half of the process's connections: who asks about the past must not keep the database from the others. */
const MAX_AT_ONCE = 4;
/** The most look-ups that wait in line; further ones are refused. */
const MAX_WAITING = 100;

/** Answers that are remembered, and how long: a crowd that asks again and again, losers above all, is answered from memory. */
const REMEMBERED = 50_000;
const REMEMBER_MS = 10_000;

/** Asks PostgreSQL, a few at a time. */
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
      // The next look-up in line takes over this turn.
      const next = waiting.shift();
      if (next === undefined) asking--;
      else next();
    }
  };
}
