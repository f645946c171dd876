import type { TopicPartition } from "./kafka.ts";

/** A partition's name among others, for maps and sets. */
export const keyOf = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;

/** An answer about partitions, in the order of the question; an offset that is not there is −1. */
export function offsetsInOrder(
  found: readonly (TopicPartition & { readonly offset?: number | null })[],
  partitions: readonly TopicPartition[],
): number[] {
  const offsets = new Map(found.map((one) => [keyOf(one), one.offset ?? -1]));
  return partitions.map((partition) => Math.max(-1, offsets.get(keyOf(partition)) ?? -1));
}
