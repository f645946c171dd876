import { STEP_GROUPS } from "../../consumers/order-sweeper/step-groups.ts";
import { CARRIERS } from "../../contracts/event-topics.ts";
import { STEP_EVENT_TYPES, STEPS } from "../../contracts/orders/steps.ts";
import type { Group } from "../system-checks.ts";

/** Who advances orders. */
export const SAGA_GROUP = "order-saga";

/** All who must move on while an order is open. */
export const ORDER_GROUPS: readonly Group[] = [
  { groupId: SAGA_GROUP, topics: ["order-events", "order-processing-results"], together: true },
  ...STEPS.map((step) => {
    const { requested, restoreRequested } = STEP_EVENT_TYPES[step];
    const topics = [CARRIERS[requested].topic, CARRIERS[restoreRequested].topic];
    return { groupId: STEP_GROUPS[step], topics, together: true as const };
  }),
];
