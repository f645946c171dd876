import type { CouponId } from "../../contracts/wire/ids.ts";

/** One message per this many milliseconds: under load one message per claim would cost Redis more than the claim. */
const COLLECT_MS = 5;

/**
 * Tells the relays which ledgers have claims of the Redis pipeline. A message that is lost, or a gateway that dies before
 * it, delays a claim until the relay's next look at all sales.
 */
export function createRelayWakeup(
  publish: (couponId: CouponId) => Promise<unknown>,
  onError: (error: unknown) => void,
): (couponId: CouponId) => void {
  const waiting = new Set<CouponId>();
  return (couponId) => {
    if (waiting.size === 0) {
      setTimeout(() => {
        for (const one of waiting) publish(one).catch(onError);
        waiting.clear();
      }, COLLECT_MS);
    }
    waiting.add(couponId);
  };
}
