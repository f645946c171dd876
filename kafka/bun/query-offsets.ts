import type { TopicPartition } from "../kafka.ts";
import type { AdminClient } from "./admin-client.ts";
import { type PartitionResult, readPartitionList, withPartitionList } from "./partition-list.ts";

/** First or end offsets (`which` of OFFSET), in the order of `partitions`. */
export async function queryOffsets(
  client: AdminClient,
  partitions: readonly TopicPartition[],
  which: number,
  timeoutMs: number,
): Promise<PartitionResult[]> {
  if (partitions.length === 0) return [];
  let results: PartitionResult[] = [];
  await client.blocking("offsets", timeoutMs, (blockMs) =>
    withPartitionList(
      client.rd,
      // A logical offset in place of a time asks for that end of the partition (ListOffsets, timestamps −1 and −2).
      partitions.map((partition) => ({ ...partition, offset: which })),
      (list) => {
        const native = client.rd.rd_kafka_offsets_for_times(client.rk, list, blockMs);
        results = readPartitionList(list);
        return native || (results.find(({ err }) => err !== 0)?.err ?? 0);
      },
    ),
  );
  return results;
}
