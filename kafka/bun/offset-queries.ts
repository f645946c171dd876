import { ptr } from "bun:ffi";
import { codeOf, ERR } from "../error-codes.ts";
import { KafkaError, type PartitionLag, type TopicPartition } from "../kafka.ts";
import { type AdminClient, pointerArray, readPointers } from "./admin-client.ts";
import { OFFSET, type PartitionResult, readPartitionList, withPartitionList } from "./partition-list.ts";
import type { Ptr } from "./symbols.ts";

const key = (p: TopicPartition) => `${p.topic}/${p.partition}`;

/** Where partitions begin and end and how far groups have come. */
export class OffsetQueries {
  readonly #client: AdminClient;

  constructor(client: AdminClient) {
    this.#client = client;
  }

  /** How far a group is behind, in the order of `partitions`. */
  async lag(groupId: string, partitions: readonly TopicPartition[], timeoutMs: number): Promise<PartitionLag[]> {
    const committed = await this.committed(groupId, partitions);
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
    await this.#client.blocking("offsets", timeoutMs, (blockMs) =>
      withPartitionList(
        this.#client.rd,
        // A logical offset in place of a time asks for that end of the partition (ListOffsets, timestamps −1 and −2).
        partitions.map((partition) => ({ ...partition, offset: which })),
        (list) => {
          const native = this.#client.rd.rd_kafka_offsets_for_times(this.#client.rk, list, blockMs);
          results = readPartitionList(list);
          return native || (results.find(({ err }) => err !== 0)?.err ?? 0);
        },
      ),
    );
    return results;
  }

  /** Committed offsets in the order of `partitions`; −1: none. */
  async committed(groupId: string, partitions: readonly TopicPartition[]): Promise<number[]> {
    const rd = this.#client.rd;
    const results = await this.#client.request(
      "committed offsets",
      (options, queue) => {
        const query = withPartitionList(rd, partitions, (list) =>
          rd.rd_kafka_ListConsumerGroupOffsets_new(groupId, list),
        ) as Ptr;
        rd.rd_kafka_ListConsumerGroupOffsets(this.#client.rk, ptr(pointerArray([query])), 1, options, queue);
        rd.rd_kafka_ListConsumerGroupOffsets_destroy(query);
      },
      (event) => {
        const groups = readPointers((count) => rd.rd_kafka_ListConsumerGroupOffsets_result_groups(event, count));
        return groups.flatMap((group) => {
          const error = rd.rd_kafka_group_result_error(group); // owned by the event
          const native = error ? rd.rd_kafka_error_code(error) : 0;
          if (native === ERR.GROUP_NOT_FOUND) return [];
          if (native !== 0) return [{ topic: "", partition: -1, offset: -1, err: native }];
          return readPartitionList(rd.rd_kafka_group_result_partitions(group));
        });
      },
    );
    const failed = results.find(({ err }) => err !== 0);
    if (failed)
      throw new KafkaError(
        codeOf(failed.err),
        `committed offsets of ${groupId}: ${rd.rd_kafka_err2str(failed.err)}`,
        failed.err,
      );
    const known = new Map(results.map((p) => [`${p.topic}/${p.partition}`, p.offset]));
    return partitions.map(({ topic, partition }) => Math.max(-1, known.get(`${topic}/${partition}`) ?? -1));
  }
}
