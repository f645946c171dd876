import { STEP_GROUPS, STEPS, type StepGroup } from "./orders/steps.ts";
import { type DeadLetterTopic, deadLetterTopic, STEP_TOPICS, TOPICS, type Topic } from "./topics.ts";

/** The groups of the steps, in the order of the steps. */
const stepGroups = Object.fromEntries(STEPS.map((step) => [STEP_GROUPS[step], STEP_TOPICS[step]])) as Readonly<
  Record<StepGroup, readonly [Topic, Topic]>
>;

/**
 * Every consumer group with the topics that it reads. A group has the name of the consumers' role that reads in it, and
 * `verify`, `bench` and the tests find here whose lag to read.
 */
export const GROUPS = {
  "coupon-persist": ["coupon-issue-requests"],
  "coupon-decide": ["coupon-requests"],
  notify: ["coupon-events", "notification-events"],
  "order-saga": ["order-events", "order-processing-results"],
  ...stepGroups,
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
