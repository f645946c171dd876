import type { Step } from "./orders/steps.ts";

/** Every topic, declared once. `./dev topics apply` changes the cluster accordingly, `diff` shows the differences. */
export interface TopicSpec {
  readonly partitions: number;
  /** Partitions on a cluster of one broker, if fewer are better there. */
  readonly partitionsOnOneBroker?: number;
  /** What the record key is; null: no key, the sticky partitioner fills batches. */
  readonly key: string | null;
  readonly retentionDays: number;
  readonly compression: "lz4" | "snappy";
  /** The broker's clock decides, not the producer's (queued mode judges the sale's window by it). */
  readonly logAppendTime?: true;
}

const topic = (partitions: number, key: string | null, retentionDays: number): TopicSpec => ({
  partitions,
  key,
  retentionDays,
  compression: "lz4",
});

/**
 * librdkafka asks the broker once per partition, so the records of a batch of keyed events cost as many requests as they
 * have partitions, and each wakes a consumer that waits. Many partitions let consumers on many machines share the work; one
 * broker usually has one machine. Measured with 510 orders a second: 750 requests a second with one partition, 1,360 with three.
 */
const ON_ONE_BROKER = 1;
const keyed = (partitions: number, key: string, retentionDays: number): TopicSpec => ({
  ...topic(partitions, key, retentionDays),
  partitionsOnOneBroker: ON_ONE_BROKER,
});

export const TOPICS = {
  "coupon-requests": { partitions: 6, key: "couponId", retentionDays: 7, compression: "snappy", logAppendTime: true },
  "coupon-issue-requests": topic(6, null, 7),
  "order-events": keyed(16, "userId", 7),
  "order-processing-results": keyed(16, "orderId", 7),
  "stock-events": keyed(12, "productId", 3),
  "coupon-events": keyed(8, "couponId", 30),
  "point-events": keyed(8, "userId", 30),
  "payment-events": keyed(8, "orderId", 30),
  "shipping-events": keyed(8, "orderId", 30),
  "compensation-events": keyed(4, "orderId", 30),
  "stock-compensation-events": keyed(4, "orderId", 30),
  "coupon-compensation-events": keyed(4, "orderId", 30),
  "point-compensation-events": keyed(4, "orderId", 30),
  "payment-compensation-events": keyed(4, "orderId", 30),
  "shipping-compensation-events": keyed(4, "orderId", 30),
  "notification-events": keyed(8, "userId", 1),
} as const satisfies Record<string, TopicSpec>;

export type Topic = keyof typeof TOPICS;

/** The topics of a step: the one of its command, then the one of its restore. */
export const STEP_TOPICS: Readonly<Record<Step, readonly [Topic, Topic]>> = {
  STOCK: ["stock-events", "stock-compensation-events"],
  COUPON: ["coupon-events", "coupon-compensation-events"],
  POINT: ["point-events", "point-compensation-events"],
  PAYMENT: ["payment-events", "payment-compensation-events"],
  SHIPPING: ["shipping-events", "shipping-compensation-events"],
};

export type DeadLetterTopic = `${Topic}.DLT`;

/** The topic for records that failed all retries: one partition, kept for 30 days, with the original key. */
export const deadLetterTopic = (name: Topic): DeadLetterTopic => `${name}.DLT`;

/** All topics with their dead-letter topics, as the cluster should hold them. */
export function allTopics(): ReadonlyMap<Topic | DeadLetterTopic, TopicSpec> {
  const all = new Map<Topic | DeadLetterTopic, TopicSpec>();
  for (const [name, spec] of Object.entries(TOPICS) as [Topic, TopicSpec][]) {
    all.set(name, spec);
    all.set(deadLetterTopic(name), { partitions: 1, key: spec.key, retentionDays: 30, compression: "lz4" });
  }
  return all;
}
