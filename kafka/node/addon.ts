import { createRequire } from "node:module";
import { KafkaError } from "../kafka.ts";

/**
 * The classes that @confluentinc/kafka-javascript wraps librdkafka in. The package has two clients on top
 * of them, which are not used here: their `connect` holds one of Node's four worker threads until a broker answers, for 30 s at
 * most, and their event emitter and promise per record cost more than the record. The package is pinned to one version.
 */
export interface Addon {
  readonly Producer: new (properties: object, topicProperties: undefined) => NativeProducer;
  readonly KafkaConsumer: new (properties: object, topicProperties: undefined) => NativeConsumer;
  readonly AdminClient: new (properties: object) => NativeAdmin;
  readonly Topic: new (name: string, properties: object) => NativeTopic;
  readonly librdkafkaVersion: string;
  err2str(native: number): string;
}

/** What the addon's asynchronous calls fail with. */
export interface NativeError {
  readonly code: number;
  readonly message: string;
}

export type Done<T = unknown> = (error: NativeError | null | undefined, result: T) => void;

/** A topic with its librdkafka settings. */
export type NativeTopic = object;

export interface NativeEvent {
  readonly message: string;
  readonly severity?: number;
  readonly fac?: string;
}

export interface NativeReport {
  readonly partition: number;
  readonly offset: number;
  readonly opaque: number;
}

export interface Callbacks {
  readonly event_cb: (type: string, event: NativeEvent) => void;
  /** `error` is a number of librdkafka's, or null. */
  readonly delivery_cb?: (error: number | null, report: NativeReport) => void;
  readonly queue_non_empty_cb?: () => void;
}

export interface CallbackTable {
  readonly global: object;
  readonly topic: object;
  readonly event: Callbacks;
}

export interface AddonClient {
  /** Adds the functions, or removes the same ones. */
  configureCallbacks(add: boolean, callbacks: CallbackTable): void;
  getMetadata(options: { allTopics: boolean; timeout: number }, done: Done<NativeMetadata>): void;
}

export interface NativeMetadata {
  readonly brokers: readonly object[];
  readonly topics: readonly {
    readonly name: string;
    readonly partitions: readonly { replicas: readonly number[] }[];
  }[];
}

export interface NativeProducer extends AddonClient {
  /** Makes librdkafka's producer, on a worker thread; waits for no broker. */
  connect(done: Done): void;
  /** Destroys it, on a worker thread. What is not delivered gets no report. */
  disconnect(done: Done): void;
  setPollInBackground(on: boolean): void;
  /** Copies everything. Returns an error number of librdkafka's, 0 for none. */
  produce(
    topic: string | NativeTopic,
    partition: number,
    value: Uint8Array | null,
    key: Uint8Array | null,
    timestamp: null,
    opaque: number,
    headers?: readonly Record<string, Uint8Array | string>[],
  ): number;
}

export interface NativePartition {
  readonly topic: string;
  readonly partition: number;
  readonly offset?: number | null;
}

export interface NativeMessage {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers?: readonly Record<string, Buffer>[];
}

/** Calls that return a number return an error of librdkafka's, 0 for none. */
export interface NativeConsumer extends AddonClient {
  connect(done: Done): void;
  /** Leaves the group and destroys the consumer, on a worker thread. */
  disconnect(done: Done): void;
  subscribe(topics: readonly string[]): number;
  unsubscribe(): number;
  /** At most `count` fetched messages; waits `timeoutMs` for each. On a worker thread. */
  consume(timeoutMs: number, count: number, onlyForFirst: boolean, done: Done<NativeMessage[]>): void;
  assignments(): NativePartition[] | number;
  /** Begins a commit. Its outcome is not reported. */
  commit(offsets: readonly NativePartition[]): number;
  /** The offsets that the broker has stored. On a worker thread. */
  committed(partitions: readonly NativePartition[], timeoutMs: number, done: Done<NativePartition[]>): void;
  seek(position: NativePartition, timeoutMs: number, done: Done): void;
  pause(partitions: readonly NativePartition[]): number;
  resume(partitions: readonly NativePartition[]): number;
}

export interface NativeOffset extends NativePartition {
  readonly error?: NativeError;
}

export interface NativeAdmin extends AddonClient {
  connect(): NativeError | number | null | undefined;
  disconnect(): void;
  createTopic(
    topic: {
      topic: string;
      num_partitions: number;
      replication_factor: number;
      config: Readonly<Record<string, string>>;
    },
    timeoutMs: number,
    done: Done,
  ): void;
  deleteTopic(topic: string, timeoutMs: number, done: Done): void;
  createPartitions(topic: string, total: number, timeoutMs: number, done: Done): void;
  listOffsets(
    partitions: readonly { topic: string; partition: number; offset: { timestamp: number } }[],
    options: { timeout: number; isolationLevel: number },
    done: Done<NativeOffset[]>,
  ): void;
}

/** @throws KafkaError INVALID if the addon was not built for this Node */
export function loadAddon(): Addon {
  try {
    return createRequire(import.meta.url)("@confluentinc/kafka-javascript/librdkafka.js");
  } catch (error) {
    throw new KafkaError(
      "INVALID",
      `The Kafka addon cannot be loaded by Node ${process.version}: \`./dev up --runtime node\` builds it ` +
        `(${error instanceof Error ? error.message.split("\n")[0] : error})`,
    );
  }
}
