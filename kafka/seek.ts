import { setTimeout as sleep } from "node:timers/promises";
import { ERR } from "./error-codes.ts";
import { KafkaError, type TopicPartitionOffset } from "./kafka.ts";

/** librdkafka refuses a seek until the partition's fetcher runs, some milliseconds after the assignment. */
const SEEK_LIMIT_MS = 5_000;
const SEEK_PAUSE_MS = 20;

export interface Seeking {
  /** Whether the partition is assigned to the consumer now. @throws KafkaError CLOSED */
  isOwned(): boolean;
  /** Tries once. null: success. */
  attempt(): Promise<KafkaError | null> | KafkaError | null;
}

/** Moves the next read of a partition as soon as librdkafka can. @throws KafkaError REBALANCED if the partition is not ours */
export async function seek({ topic, partition }: TopicPartitionOffset, { isOwned, attempt }: Seeking): Promise<void> {
  const until = performance.now() + SEEK_LIMIT_MS;
  for (;;) {
    if (!isOwned()) throw new KafkaError("REBALANCED", `${topic}/${partition} is not assigned to this consumer`);
    const error = await attempt();
    if (error === null) return;
    if (error.nativeCode !== ERR.STATE || performance.now() > until) throw error;
    await sleep(SEEK_PAUSE_MS);
  }
}
