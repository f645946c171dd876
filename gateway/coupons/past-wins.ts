import { StampedeError } from "../../contracts/errors.ts";
import type { CouponId, UserId } from "../../contracts/ids.ts";
import type { Winner } from "../../lua/sale-reading.ts";

/** A user's win in a sale that is over and that Redis does not hold. @throws StampedeError OVERLOADED */
export type PastWin = (couponId: CouponId, userId: UserId) => Promise<Winner | null>;

/** Half of the process's connections: who asks about the past must not keep the database from the others. */
const MAX_AT_ONCE = 4;
/** Those who wait for their turn; the rest is refused. */
const MAX_WAITING = 100;

/** Asks PostgreSQL, a few at a time. */
export function createPastWins(find: PastWin): PastWin {
  const waiting: (() => void)[] = [];
  let asking = 0;
  return async (couponId, userId) => {
    if (waiting.length >= MAX_WAITING) throw new StampedeError("OVERLOADED");
    if (asking >= MAX_AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
    else asking++;
    try {
      return await find(couponId, userId);
    } finally {
      // Whoever waits takes over this turn.
      const next = waiting.shift();
      if (next === undefined) asking--;
      else next();
    }
  };
}
