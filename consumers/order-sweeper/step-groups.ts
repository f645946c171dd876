import { CARRIERS } from "../../contracts/event-topics.ts";
import type { StepState } from "../../contracts/orders/saga-state.ts";
import { STEP_EVENT_TYPES, type Step } from "../../contracts/orders/steps.ts";
import type { Topic } from "../../contracts/topics.ts";

/** The consumer group that works for a step: its role's name. It reads commands and restores. */
export const STEP_GROUPS: Readonly<Record<Step, string>> = {
  STOCK: "stock",
  COUPON: "coupon-usage",
  POINT: "points",
  PAYMENT: "payment",
  SHIPPING: "shipping",
};

/** Where what is outstanding of a step was sent to. */
export function topicOf(step: Step, { status }: StepState): Topic {
  const { requested, restoreRequested } = STEP_EVENT_TYPES[step];
  return CARRIERS[status === "RESTORING" ? restoreRequested : requested].topic;
}
