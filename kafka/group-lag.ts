import type { PartitionLag, TopicPartition, TopicPartitionOffset } from "./kafka.ts";

/** Where partitions begin or end, in the order of the question. */
export type QueryOffsets = (
  which: "BEGINNING" | "END",
  partitions: readonly TopicPartition[],
) => Promise<readonly TopicPartitionOffset[]>;

/**
 * How far a group is behind, in the order of `partitions`.
 * @param committed in that order too; −1: the group has no offset of its own and would begin at the oldest record
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
