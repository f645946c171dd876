import type { RunningRole } from "../../engine/running-role.ts";
import { type ConsumingParts, startConsuming } from "../../engine/start-consuming.ts";
import { type SettlingParts, settlingFor } from "../persist/settling-for.ts";
import { couponDecide, type Deciding } from "./role.ts";

export interface CouponDecideParts extends ConsumingParts, SettlingParts {
  readonly config: ConsumingParts["config"] & SettlingParts["config"] & { readonly SALE_KEEP_HOURS: number };
  readonly metrics: ConsumingParts["metrics"] & SettlingParts["metrics"] & Deciding["observe"];
}

/** Role coupon-decide. */
export function startCouponDecide(parts: CouponDecideParts): RunningRole {
  const { config, metrics } = parts;
  const role = couponDecide({
    settling: settlingFor("coupon-decide", parts),
    keepHours: config.SALE_KEEP_HOURS,
    observe: { decided: metrics.decided, waitingRequests: metrics.waitingRequests },
  });
  return startConsuming("coupon-decide", role, parts);
}
