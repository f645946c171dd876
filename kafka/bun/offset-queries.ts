import type { GroupOffsets } from "../group-offsets.ts";
import type { PartitionLag, TopicPartition } from "../kafka.ts";
import type { AdminClient } from "./admin-client.ts";
import { OFFSET, type PartitionResult, readPartitionList, withPartitionList } from "./partition-list.ts";

const key = (p: TopicPartition) => `${p.topic}/${p.partition}`;

/** Where partitions begin and end and how far groups have come. */
export class OffsetQueries {
  constructor(
    private readonly client: AdminClient,
    private readonly groups: GroupOffsets,
  ) {}

  /** How far a group is behind, in the order of `partitions`. */
  async lag(groupId: string, partitions: readonly TopicPartition[], timeoutMs: number): Promise<PartitionLag[]> {
    const committed = await this.groups.committed(groupId, partitions, timeoutMs);
    const ends = await this.offsets(partitions, OFFSET.END, timeoutMs);
    const unread = partitions.filter((_, i) => committed[i]! < 0);
    const begins = await this.offsets(unread, OFFSET.BEGINNING, timeoutMs);
    const first = new Map(begins.map((partition) => [key(partition), partition.offset]));
    return partitions.map(({ topic, partition }, i) => {
      const end = ends[i]!.offset;
      // Without an offset of its own the group would begin at the oldest record.
      const from = committed[i]! < 0 ? (first.get(key({ topic, partition })) ?? 0) : committed[i]!;
      return { topic, partition, committed: committed[i]!, end, lag: Math.max(0, end - from) };
    });
  }

  /** First or end offsets, in the order of `partitions`. */
  async offsets(partitions: readonly TopicPartition[], which: number, timeoutMs: number): Promise<PartitionResult[]> {
    if (partitions.length === 0) return [];
    let results: PartitionResult[] = [];
    await this.client.blocking("offsets", timeoutMs, (blockMs) =>
      withPartitionList(
        this.client.rd,
        // A logical offset in place of a time asks for that end of the partition (ListOffsets, timestamps −1 and −2).
        partitions.map((partition) => ({ ...partition, offset: which })),
        (list) => {
          const native = this.client.rd.rd_kafka_offsets_for_times(this.client.rk, list, blockMs);
          results = readPartitionList(list);
          return native || (results.find(({ err }) => err !== 0)?.err ?? 0);
        },
      ),
    );
    return results;
  }
}
