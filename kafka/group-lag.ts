import type { PartitionLag, TopicPartition, TopicPartitionOffset } from "./kafka.ts";

/** First or end offsets, in the order of the partitions that were asked about. */
export type QueryOffsets = (
  which: "BEGINNING" | "END",
  partitions: readonly TopicPartition[],
) => Promise<readonly TopicPartitionOffset[]>;

/**
 * The lag of a group, in the order of `partitions`.
 * @param committed in the same order; −1: the group has no offset here and would begin at the oldest record
 */
export async function lagOf(
  partitions: readonly TopicPartition[],
  committed: readonly number[],
  query: QueryOffsets,
): Promise<PartitionLag[]> {
  const ends = await query("END", partitions);
  const unread = partitions.filter((_, i) => committed[i]! < 0);
  const begins = unread.length === 0 ? [] : await query("BEGINNING", unread);
  const first = new Map(unread.map((partition, i) => [partition, begins[i]!.offset]));
  return partitions.map((partition, i) => {
    const end = ends[i]!.offset;
    const lag = Math.max(0, end - (first.get(partition) ?? committed[i]!));
    return { topic: partition.topic, partition: partition.partition, committed: committed[i]!, end, lag };
  });
}
