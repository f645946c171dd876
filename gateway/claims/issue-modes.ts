import { LRUCache } from "lru-cache";
import type { CouponId } from "../../contracts/wire/ids.ts";

/** How a sale gives its coupons out: a direct claim is decided at once, a queued one in the order of the log. */
export type IssueMode = "DIRECT" | "QUEUED";

/** A sale's mode. @throws StampedeError when neither Redis nor PostgreSQL can say it */
export type IssueModeOf = (couponId: CouponId) => Promise<IssueMode>;

export interface IssueModeSources {
  /** null: Redis does not hold the sale. */
  inRedis(couponId: CouponId): Promise<IssueMode | null>;
  inDatabase(couponId: CouponId): Promise<IssueMode>;
}

/** About 100 bytes each. */
const REMEMBERED = 10_000;

/**
 * A sale's mode never changes, so it is asked once, also by many repeats at the same time. Redis first: a repeat must be answered
 * while PostgreSQL is away.
 */
export function createIssueModes({ inRedis, inDatabase }: IssueModeSources): IssueModeOf {
  const known = new LRUCache<CouponId, Promise<IssueMode>>({ max: REMEMBERED });

  async function ask(couponId: CouponId): Promise<IssueMode> {
    try {
      return (await inRedis(couponId)) ?? (await inDatabase(couponId));
    } catch (error) {
      known.delete(couponId);
      throw error;
    }
  }

  return (couponId) => {
    let mode = known.get(couponId);
    if (mode === undefined) {
      mode = ask(couponId);
      known.set(couponId, mode);
    }
    return mode;
  };
}
