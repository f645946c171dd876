import type { ModeSetting } from "../../contracts/orders/saga-mode.ts";
import type { PlacedOrder, StepOrder } from "../../contracts/orders/saga-state.ts";
import type { Step } from "../../contracts/orders/steps.ts";
import type { UserId } from "../../contracts/wire/ids.ts";

/** What may be under way at the same time; a stage begins when the one before it is done. */
export const STAGES: Readonly<Record<StepOrder, readonly (readonly Step[])[]>> = {
  PARALLEL: [["STOCK", "COUPON", "POINT"], ["PAYMENT"], ["SHIPPING"]],
  SEQUENTIAL: [["STOCK"], ["COUPON"], ["POINT"], ["PAYMENT"], ["SHIPPING"]],
};

const SIMPLE_LINES = 3;

/** In which order a new order's steps are requested. */
export function stepOrderOf(order: PlacedOrder, setting: ModeSetting): StepOrder {
  switch (setting.mode) {
    case "PARALLEL":
    case "SEQUENTIAL":
      return setting.mode;
    case "ADAPTIVE": {
      const simple = order.items.length <= SIMPLE_LINES && order.couponId === null && order.pointsUsed === 0;
      return simple ? "PARALLEL" : "SEQUENTIAL";
    }
    case "ROLLOUT":
      return percentile(order.userId) < setting.parallelPercent ? "PARALLEL" : "SEQUENTIAL";
  }
}

/**
 * 0 to 99, evenly over users and always the same for one: whoever was in at 10 % is in at 20 %. FNV-1a, mixed once more
 * because its low bits alone follow the last character.
 */
export function percentile(userId: UserId): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < userId.length; i++) hash = Math.imul(hash ^ userId.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash ^= hash >>> 13;
  return (hash >>> 0) % 100;
}
