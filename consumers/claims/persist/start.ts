import type { RunningRole } from "../../engine/running-role.ts";
import { type ConsumingParts, startConsuming } from "../../engine/start-consuming.ts";
import { couponPersist } from "./role.ts";
import { type SettlingParts, settlingFor } from "./settling-for.ts";

export interface CouponPersistParts extends ConsumingParts, SettlingParts {
  readonly config: ConsumingParts["config"] & SettlingParts["config"];
  readonly metrics: ConsumingParts["metrics"] & SettlingParts["metrics"];
}

/** Role coupon-persist. */
export const startCouponPersist = (parts: CouponPersistParts): RunningRole =>
  startConsuming("coupon-persist", couponPersist(settlingFor("coupon-persist", parts)), parts);
