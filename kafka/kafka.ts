/**
 * The Kafka client as the project sees it. Two adapters implement it (kafka/bun over FFI, kafka/node over the
 * Confluent addon); both pass the suite in test/kafka/contract/. Only the composition roots know which one runs.
 */

export type Bytes = string | Uint8Array;

export interface OutgoingRecord {
  readonly topic: string;
  /** null or absent: the sticky partitioner fills a batch for one partition, then chooses the next partition. */
  readonly key?: Bytes | null;
  /** null: a Kafka tombstone. */
  readonly value: Bytes | null;
  readonly headers?: Readonly<Record<string, Bytes>>;
  /** Only for tests and dead letters. Default: from the key (murmur2, as in the Java client). */
  readonly partition?: number;
}

/** Where the broker stored a record. */
export interface Ack {
  readonly topic: string;
  readonly partition: number;
  /** -1: stored, but by an earlier attempt whose answer was lost, so the place is not known. */
  readonly offset: number;
}

export interface IncomingRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: Readonly<Record<string, Uint8Array>>;
  /** Milliseconds since 1970; the broker's on topics with LogAppendTime. */
  readonly timestamp: number;
}

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** `offset`: the next one to read (last handled + 1). */
export interface TopicPartitionOffset extends TopicPartition {
  readonly offset: number;
}

/**
 * Closed set of failures.
 * - QUEUE_FULL: nothing was sent; try again after a pause.
 * - ACK_DEADLINE: no report in time; the record may still be delivered. Never treat it as a failure of the record.
 * - DELIVERY_TIMEOUT: librdkafka gave up after message.timeout.ms; the outcome is unknown too when it was in flight.
 * - UNAVAILABLE: no broker answers. - FENCED / FATAL: the client must be rebuilt. - CLOSED: used after close.
 * - RECORD_TOO_LARGE, UNKNOWN_TOPIC, INVALID: the record or request can never succeed as it is.
 * - REBALANCED: the partition belongs to another member now. On a commit this is harmless.
 */
export type KafkaErrorCode =
  | "QUEUE_FULL"
  | "ACK_DEADLINE"
  | "DELIVERY_TIMEOUT"
  | "UNAVAILABLE"
  | "RECORD_TOO_LARGE"
  | "UNKNOWN_TOPIC"
  | "INVALID"
  | "REBALANCED"
  | "FENCED"
  | "FATAL"
  | "CLOSED";

const RETRYABLE: ReadonlySet<KafkaErrorCode> = new Set([
  "QUEUE_FULL",
  "ACK_DEADLINE",
  "DELIVERY_TIMEOUT",
  "UNAVAILABLE",
  "REBALANCED",
]);

export class KafkaError extends Error {
  readonly code: KafkaErrorCode;
  readonly retryable: boolean;
  /** librdkafka's error code, for the log. */
  readonly nativeCode: number | undefined;
  constructor(code: KafkaErrorCode, message: string, nativeCode?: number) {
    super(message);
    this.name = "KafkaError";
    this.code = code;
    this.retryable = RETRYABLE.has(code);
    this.nativeCode = nativeCode;
  }
}

export interface ClientOptions {
  /** `host:port,host:port` */
  readonly brokers: string;
  readonly clientId: string;
  /** More librdkafka properties (security.protocol, sasl.*, …); they win over ours. */
  readonly properties?: Readonly<Record<string, string>>;
  readonly log?: (level: "debug" | "info" | "warn" | "error", message: string) => void;
}

export type Compression = "none" | "lz4" | "snappy" | "zstd";

export interface ProducerOptions {
  /** Milliseconds that a record may wait for others of its batch (linger.ms). Default 1. */
  readonly lingerMs?: number;
  /** Milliseconds after which librdkafka gives a record up (message.timeout.ms). Default 10,000. */
  readonly messageTimeoutMs?: number;
  /** Records queued or in flight before `send` refuses with QUEUE_FULL. Default 100,000. */
  readonly maxQueued?: number;
  /** Default "lz4". */
  readonly compression?: Compression;
  /** Topic → codec, where it differs from `compression`. */
  readonly topicCompression?: Readonly<Record<string, Compression>>;
}

export interface SendOptions {
  /** Milliseconds after which the call rejects with ACK_DEADLINE. The record stays queued and may still arrive. */
  readonly deadlineMs?: number;
}

/** Always acks=all and enable.idempotence. One owner uses it and closes it once. */
export interface Producer {
  /** Resolves when the broker (and its in-sync replicas) hold the record. @throws KafkaError (as a rejection) */
  send(record: OutgoingRecord, options?: SendOptions): Promise<Ack>;
  /** Many at once, cheaper than as many `send`s. Resolves when all are acknowledged; rejects with the first failure
   *  once every record's fate is known. */
  sendAll(records: readonly OutgoingRecord[], options?: SendOptions): Promise<void>;
  /** Resolves when nothing is queued or in flight. @throws KafkaError ACK_DEADLINE after `timeoutMs` */
  flush(timeoutMs: number): Promise<void>;
  stats(): ProducerStats;
  /** Flushes for at most `timeoutMs` (default 10,000), rejects what is left with CLOSED, frees everything. */
  close(timeoutMs?: number): Promise<void>;
}

export interface ProducerStats {
  readonly queued: number;
  readonly sent: number;
  readonly acknowledged: number;
  readonly failed: number;
  /** A broker connection is up. */
  readonly connected: boolean;
  /** It can never send again. */
  readonly fatal: boolean;
}

export interface ConsumerOptions {
  readonly groupId: string;
  readonly topics: readonly string[];
  /** Where a group without offsets begins. Default "earliest". */
  readonly from?: "earliest" | "latest";
  /** Session timeout of the group, milliseconds. Default 10,000. */
  readonly sessionTimeoutMs?: number;
  /** Milliseconds between polls after which the group removes this member (max.poll.interval.ms). Default 300,000. */
  readonly maxPollIntervalMs?: number;
  /** Partitions were assigned or revoked. A handler may still have records of revoked ones: it must be idempotent. */
  readonly onRebalance?: (change: "assigned" | "revoked", partitions: readonly TopicPartition[]) => void;
}

/** Manual commit only: an offset moves when `commit` says so. */
export interface Consumer {
  /** Up to `max` records, as soon as there is one; an empty array after `timeoutMs`. Ordered within a partition. */
  poll(max: number, timeoutMs: number): Promise<IncomingRecord[]>;
  /** Stores offsets on the broker. Partitions that were lost meanwhile are skipped without an error. @throws KafkaError */
  commit(offsets: readonly TopicPartitionOffset[]): Promise<void>;
  /**
   * Stops fetching; records already fetched are not handed out until `resume`. A pause ends with the assignment: a
   * partition that is lost and assigned again is not paused.
   */
  pause(partitions: readonly TopicPartition[]): void;
  resume(partitions: readonly TopicPartition[]): void;
  /** Moves the next read of a partition. */
  seek(position: TopicPartitionOffset): Promise<void>;
  assignment(): TopicPartition[];
  /** Leaves the group and frees everything; does not commit. */
  close(): Promise<void>;
}

export interface TopicDescription {
  readonly name: string;
  readonly partitions: number;
  readonly replicationFactor: number;
}

export interface ConfiguredTopic extends TopicDescription {
  /** Settings of the topic itself, without inherited ones. */
  readonly config: Readonly<Record<string, string>>;
}

/** `config`: the topic's settings when it is created. */
export type NewTopic = ConfiguredTopic;

export interface PartitionLag extends TopicPartition {
  /** -1: the group has no offset here. */
  readonly committed: number;
  readonly end: number;
  readonly lag: number;
}

export interface Admin {
  /** Creates the topics that are missing. An existing topic is not changed. */
  createTopics(topics: readonly NewTopic[]): Promise<void>;
  describeTopics(names: readonly string[]): Promise<TopicDescription[]>;
  deleteTopics(names: readonly string[]): Promise<void>;
  /** More partitions (never fewer). */
  createPartitions(topic: string, total: number): Promise<void>;
  /** The offset after the last record, per partition. */
  endOffsets(topic: string): Promise<TopicPartitionOffset[]>;
  groupLag(groupId: string, topics: readonly string[]): Promise<PartitionLag[]>;
  /** Brokers that answer. @throws KafkaError UNAVAILABLE */
  brokers(timeoutMs: number): Promise<number>;
  close(): Promise<void>;
}

/**
 * What only the operator's commands need, which always run on Bun: @confluentinc/kafka-javascript 1.10 has no call that
 * reads or changes the configuration of an existing topic.
 */
export interface TopicAdmin extends Admin {
  describeTopics(names: readonly string[]): Promise<ConfiguredTopic[]>;
  alterTopicConfig(topic: string, config: Readonly<Record<string, string>>): Promise<void>;
}

/** What a runtime's adapter offers; composed in main.*.ts. */
export interface Kafka {
  producer(options?: ProducerOptions): Producer;
  consumer(options: ConsumerOptions): Consumer;
  admin(): Admin;
  /** The library that is used, e.g. "librdkafka 2.15.0 (bun:ffi)". */
  readonly version: string;
}

export type CreateKafka = (options: ClientOptions) => Kafka;

/** An adapter whose admin can also read and change topic configuration. */
export interface OperatorsKafka extends Kafka {
  admin(): TopicAdmin;
}
