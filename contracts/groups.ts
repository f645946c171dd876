import { CARRIERS } from "./event-topics.ts";
import { STEP_EVENT_TYPES, type Step } from "./orders/steps.ts";
import { type DeadLetterTopic, deadLetterTopic, TOPICS, type Topic } from "./topics.ts";

/** The topics of a step: the one of its command, then the one of its restore. */
function stepTopics(step: Step): readonly [Topic, Topic] {
  const { requested, restoreRequested } = STEP_EVENT_TYPES[step];
  return [CARRIERS[requested].topic, CARRIERS[restoreRequested].topic];
}

/**
 * Every consumer group with the topics that it reads. A group has the name of the consumers' role that reads in it, and
 * `verify`, `bench` and the tests find here whose lag to read.
 */
export const GROUPS = {
  "coupon-persist": ["coupon-issue-requests"],
  "coupon-decide": ["coupon-requests"],
  notify: ["coupon-events", "notification-events"],
  "order-saga": ["order-events", "order-processing-results"],
  stock: stepTopics("STOCK"),
  "coupon-usage": stepTopics("COUPON"),
  points: stepTopics("POINT"),
  payment: stepTopics("PAYMENT"),
  shipping: stepTopics("SHIPPING"),
  admission: ["compensation-events"],
  "dead-letters": (Object.keys(TOPICS) as Topic[]).map(deadLetterTopic),
} as const satisfies Record<string, readonly (Topic | DeadLetterTopic)[]>;

export type GroupId = keyof typeof GROUPS;

/** A group's id and topics under the names that Kafka's clients use. */
export interface ConsumerGroup {
  readonly groupId: GroupId;
  readonly topics: readonly (Topic | DeadLetterTopic)[];
}

export const groupOf = (groupId: GroupId): ConsumerGroup => ({ groupId, topics: GROUPS[groupId] });

/** All groups, in the order of the table. */
export const ALL_GROUPS: readonly ConsumerGroup[] = (Object.keys(GROUPS) as GroupId[]).map(groupOf);

/** The group that carries out a step. */
export const STEP_GROUPS = {
  STOCK: "stock",
  COUPON: "coupon-usage",
  POINT: "points",
  PAYMENT: "payment",
  SHIPPING: "shipping",
} as const satisfies Record<Step, GroupId>;
