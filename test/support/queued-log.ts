import type { CouponIssueRequested } from "../../contracts/claims/events.ts";
import { createBunKafka } from "../../kafka/bun/kafka.ts";

export interface LoggedAsk {
  readonly userId: string;
  readonly requestId: string;
  /** LogAppendTime, milliseconds. */
  readonly at: number;
}

/** A queued sale's requests, in the order of the log, read by a plain consumer that knows nothing of ours. */
export async function readQueuedLog(brokers: string, couponId: string): Promise<LoggedAsk[]> {
  const topic = "coupon-requests";
  const kafka = createBunKafka({ brokers, clientId: "replay" });
  const admin = kafka.admin();
  const left = new Map(
    (await admin.endOffsets(topic)).filter(({ offset }) => offset > 0).map((one) => [one.partition, one.offset]),
  );
  await admin.close();
  const consumer = kafka.consumer({ groupId: `replay-${crypto.randomUUID()}`, topics: [topic] });
  const asks: LoggedAsk[] = [];
  const deadline = performance.now() + 60_000;
  while (left.size > 0) {
    if (performance.now() > deadline) throw new Error(`Waited in vain: the end of ${left.size} partitions`);
    for (const { partition, offset, value, timestamp } of await consumer.poll(1_000, 200)) {
      if (offset + 1 >= (left.get(partition) ?? 0)) left.delete(partition);
      const { data } = JSON.parse(new TextDecoder().decode(value!)) as CouponIssueRequested;
      if (data.couponId === couponId) asks.push({ userId: data.userId, requestId: data.requestId, at: timestamp });
    }
  }
  await consumer.close();
  return asks;
}

/** Who must have won: the first `total` distinct users of the log. */
export const firstUsers = (asks: readonly LoggedAsk[], total: number): string[] =>
  [...new Set(asks.map(({ userId }) => userId))].slice(0, total);
