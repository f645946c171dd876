import { read } from "bun:ffi";
import { cString } from "./native-client.ts";
import type { Ptr } from "./symbols.ts";

/** rd_kafka_metadata_t and its parts on 64-bit machines, byte offsets. */
const METADATA = { brokerCount: 0, topicCount: 16, topics: 24 } as const;
const TOPIC = { name: 0, partitionCount: 8, partitions: 16, err: 24, bytes: 32 } as const;
const PARTITION = { replicaCount: 12 } as const;

export interface TopicMetadata {
  readonly name: string;
  readonly partitions: number;
  readonly replicationFactor: number;
}

export interface ClusterMetadata {
  /** Brokers that are alive, as the broker that answers sees it. */
  readonly brokers: number;
  readonly topics: ReadonlyMap<string, TopicMetadata>;
}

/** Copies an rd_kafka_metadata_t; topics with an error (for example, being deleted) are left out. */
export function readMetadata(metadata: Ptr): ClusterMetadata {
  const list = read.ptr(metadata, METADATA.topics) as Ptr;
  const topics = new Map<string, TopicMetadata>();
  for (let i = 0; i < read.i32(metadata, METADATA.topicCount); i++) {
    const at = i * TOPIC.bytes;
    if (read.i32(list, at + TOPIC.err) !== 0) continue;
    const name = cString(read.ptr(list, at + TOPIC.name));
    const partitions = read.i32(list, at + TOPIC.partitionCount);
    const first = read.ptr(list, at + TOPIC.partitions) as Ptr;
    const replicationFactor = partitions === 0 ? 0 : read.i32(first, PARTITION.replicaCount);
    topics.set(name, { name, partitions, replicationFactor });
  }
  return { brokers: read.i32(metadata, METADATA.brokerCount), topics };
}
