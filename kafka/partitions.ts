import type { TopicPartition } from "./kafka.ts";

/** A partition as text, for maps and sets. */
export const keyOf = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;

/** Offsets in the order of the partitions that were asked about; −1: the answer has none. */
export function offsetsInOrder(
  found: readonly (TopicPartition & { readonly offset?: number | null })[],
  partitions: readonly TopicPartition[],
): number[] {
  const offsets = new Map(found.map((one) => [keyOf(one), one.offset ?? -1]));
  return partitions.map((partition) => Math.max(-1, offsets.get(keyOf(partition)) ?? -1));
}
