import { read } from "bun:ffi";
import type { TopicPartition, TopicPartitionOffset } from "../kafka.ts";
import { cString } from "./native-client.ts";
import type { Librdkafka, Ptr } from "./symbols.ts";

/** rd_kafka_topic_partition_list_t and its elements on 64-bit machines, byte offsets. */
const LIST = { count: 0, elements: 8 } as const;
const ELEMENT = { topic: 0, partition: 8, offset: 16, err: 48, bytes: 64 } as const;

/** rd_kafka's logical offsets. */
export const OFFSET = { BEGINNING: -2, END: -1, INVALID: -1001 } as const;

/** One line of librdkafka's answer about partitions. */
export interface PartitionResult extends TopicPartitionOffset {
  /** rd_kafka_resp_err_t; 0 is success. */
  readonly err: number;
}

/** Runs `use` with a native list of the partitions and destroys it afterwards. */
export function withPartitionList<T>(
  rd: Librdkafka,
  partitions: readonly (TopicPartition & { offset?: number })[],
  use: (list: Ptr) => T,
): T {
  const list = rd.rd_kafka_topic_partition_list_new(partitions.length) as Ptr;
  try {
    for (const { topic, partition, offset } of partitions) {
      rd.rd_kafka_topic_partition_list_add(list, topic, partition);
      if (offset !== undefined) rd.rd_kafka_topic_partition_list_set_offset(list, topic, partition, offset);
    }
    return use(list);
  } finally {
    rd.rd_kafka_topic_partition_list_destroy(list);
  }
}

/** A native list's content, copied. */
export function readPartitionList(list: Ptr | bigint | null): PartitionResult[] {
  if (!list) return [];
  const count = read.i32(list, LIST.count);
  const elements = read.ptr(list, LIST.elements) as Ptr;
  return Array.from({ length: count }, (_, i) => {
    const at = i * ELEMENT.bytes;
    return {
      topic: cString(read.ptr(elements, at + ELEMENT.topic)),
      partition: read.i32(elements, at + ELEMENT.partition),
      offset: read.intptr(elements, at + ELEMENT.offset),
      err: read.i32(elements, at + ELEMENT.err),
    };
  });
}
