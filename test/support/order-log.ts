import { CARRIERS } from "../../contracts/event-topics.ts";
import { createBunKafka } from "../../kafka/bun/kafka.ts";
import type { IncomingRecord } from "../../kafka/kafka.ts";
import type { System } from "./system.ts";

/** Topics that carry an order's events. */
export const ORDER_TOPICS: readonly string[] = [...new Set(Object.values(CARRIERS).map(({ topic }) => topic))].filter(
  (topic) => topic !== "coupon-requests" && topic !== "coupon-issue-requests",
);

/** Every record of these topics, from their beginnings to their ends of now. */
export async function recordsOf(system: System, topics: readonly string[] = ORDER_TOPICS): Promise<IncomingRecord[]> {
  const kafka = createBunKafka({ brokers: system.stack.env.KAFKA_BROKERS, clientId: "test" });
  const admin = kafka.admin();
  const consumer = kafka.consumer({ groupId: crypto.randomUUID(), topics });
  try {
    const ends = (await Promise.all(topics.map((topic) => admin.endOffsets(topic)))).flat();
    const all = ends.reduce((sum, { offset }) => sum + offset, 0); // nothing was deleted in a test's short life
    const found: IncomingRecord[] = [];
    const deadline = performance.now() + 60_000;
    while (found.length < all) {
      if (performance.now() > deadline) throw new Error(`Waited in vain: read ${found.length} of ${all} records`);
      found.push(...(await consumer.poll(1_000, 200)));
    }
    return found;
  } finally {
    await Promise.all([consumer.close(), admin.close()]);
  }
}
