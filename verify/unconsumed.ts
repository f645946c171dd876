import {
  type Consumer,
  type Kafka,
  KafkaError,
  type PartitionLag,
  type TopicPartition,
  type TopicPartitionOffset,
} from "../kafka/kafka.ts";

const BATCH = 1000;
const POLL_MS = 200;
/** Time limit of a search, milliseconds: an operator waits, and in a backlog of an hour the record may be far away. */
const BUDGET_MS = 20_000;

/**
 * Which of `requestIds` are in records that a group has not committed yet. Reads them in a new group that commits nothing, so
 * the real group is not disturbed.
 */
export async function findUnconsumed(
  kafka: Kafka,
  groupId: string,
  topic: string,
  requestIds: readonly string[],
): Promise<Set<string>> {
  const found = new Set<string>();
  if (requestIds.length === 0) return found;
  const admin = kafka.admin();
  try {
    const behind = (await admin.groupLag(groupId, [topic])).filter(({ lag }) => lag > 0);
    if (behind.length > 0) await collect(kafka, topic, behind, new Set(requestIds), found);
  } finally {
    await admin.close();
  }
  return found;
}

async function collect(
  kafka: Kafka,
  topic: string,
  behind: readonly PartitionLag[],
  wanted: ReadonlySet<string>,
  found: Set<string>,
): Promise<void> {
  const consumer = kafka.consumer({ groupId: `verify-${crypto.randomUUID()}`, topics: [topic], from: "earliest" });
  const deadline = performance.now() + BUDGET_MS;
  const open = new Map(behind.map(({ partition, end }) => [partition, end]));
  try {
    await rewind(consumer, topic, behind, deadline);
    while (open.size > 0 && performance.now() < deadline) {
      for (const { partition, offset, value } of await consumer.poll(BATCH, POLL_MS)) {
        const requestId = value === null ? undefined : requestOf(value);
        if (requestId !== undefined && wanted.has(requestId)) found.add(requestId);
        if (offset + 1 >= (open.get(partition) ?? 0)) open.delete(partition);
      }
    }
  } finally {
    await consumer.close();
  }
}

/** Waits for the assignment, then reads only where the group is behind, from where it is. */
async function rewind(consumer: Consumer, topic: string, behind: readonly PartitionLag[], deadline: number) {
  let assigned: TopicPartition[] = [];
  while (assigned.length === 0 && performance.now() < deadline) {
    await consumer.poll(1, POLL_MS);
    assigned = consumer.assignment();
  }
  const lagging = new Set(behind.map(({ partition }) => partition));
  consumer.pause(assigned.filter(({ partition }) => !lagging.has(partition)));
  for (const { partition, end, lag } of behind) await seek(consumer, { topic, partition, offset: end - lag }, deadline);
}

/** A seek fails while the partition's leader is still being looked up. */
async function seek(consumer: Consumer, position: TopicPartitionOffset, deadline: number): Promise<void> {
  for (;;) {
    try {
      return await consumer.seek(position);
    } catch (error) {
      if (!(error instanceof KafkaError && error.retryable) || performance.now() > deadline) throw error;
      await consumer.poll(1, POLL_MS);
    }
  }
}

function requestOf(value: Uint8Array): string | undefined {
  try {
    return JSON.parse(new TextDecoder().decode(value)).data?.requestId;
  } catch {
    return undefined; // a poison record: the consumers dead-letter it
  }
}
