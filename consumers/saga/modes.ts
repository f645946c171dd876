import type { ModeSetting } from "../../contracts/orders/saga-mode.ts";
import type { PlacedOrder, StepOrder } from "../../contracts/orders/saga-state.ts";
import { PARALLEL_STAGES, STEPS, type Step } from "../../contracts/orders/steps.ts";
import { percentileOf } from "../../contracts/wire/percentile.ts";

/** What may be under way at the same time; a stage begins when the one before it is done. */
export const STAGES: Readonly<Record<StepOrder, readonly (readonly Step[])[]>> = {
  PARALLEL: PARALLEL_STAGES,
  SEQUENTIAL: STEPS.map((step) => [step]),
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
      return percentileOf(order.userId) < setting.parallelPercent ? "PARALLEL" : "SEQUENTIAL";
  }
}
