import { LRUCache } from "lru-cache";
import type { CouponId } from "../../contracts/ids.ts";

/** Why Redis does not know a sale: it never existed, or it must be loaded (again). */
export type WhyNotLoaded = (couponId: CouponId) => Promise<"COUPON_NOT_FOUND" | "SALE_RECOVERING">;

/** Unknown ids are remembered so long: enough to keep a flood of made-up ids away from the database. */
const REMEMBER_MS = 1_000;

/**
 * Asks PostgreSQL whether the sale exists, once per id at a time. When the database is away too, the answer is
 * SALE_RECOVERING: a 404 must never be a guess.
 */
export function createWhyNotLoaded(
  exists: (couponId: CouponId) => Promise<boolean>,
  onError: (error: unknown) => void,
): WhyNotLoaded {
  const answers = new LRUCache<CouponId, Promise<"COUPON_NOT_FOUND" | "SALE_RECOVERING">>({
    max: 10_000,
    ttl: REMEMBER_MS,
  });
  return (couponId) => {
    const known = answers.get(couponId);
    if (known !== undefined) return known;
    const answer = exists(couponId).then(
      (found) => (found ? "SALE_RECOVERING" : "COUPON_NOT_FOUND"),
      (error) => {
        onError(error);
        return "SALE_RECOVERING" as const;
      },
    );
    answers.set(couponId, answer);
    return answer;
  };
}
