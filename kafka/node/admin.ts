import { setTimeout as sleep } from "node:timers/promises";
import type { BrokerLog } from "../broker-log.ts";
import { ERR } from "../error-codes.ts";
import { lagOf } from "../group-lag.ts";
import { GroupOffsets } from "../group-offsets.ts";
import {
  type Admin,
  type ClientOptions,
  KafkaError,
  type NewTopic,
  type PartitionLag,
  type TopicDescription,
  type TopicPartition,
  type TopicPartitionOffset,
} from "../kafka.ts";
import { offsetsInOrder } from "../partitions.ts";
import { adminProperties } from "../properties.ts";
import { retryWhileFenced } from "../retry-while-fenced.ts";
import type { Addon, Done, NativeAdmin, NativeMetadata, NativeOffset } from "./addon.ts";
import { called, fromNative, kafkaError, made } from "./errors.ts";
import { addonProperties, ClientEvents } from "./events.ts";
import { groupQuestioner } from "./group-questioner.ts";

const REQUEST_TIMEOUT_MS = 10_000;
const SEEN_LIMIT_MS = 5_000;
const SEEN_PAUSE_MS = 20;
/** Passed instead of a time: which end of the partition. */
const OFFSET = { BEGINNING: -2, END: -1 } as const;
const READ_UNCOMMITTED = 0;

/** Every call holds one of Node's worker threads until the broker has answered. */
export class NodeAdmin implements Admin {
  readonly #native: NativeAdmin;
  readonly #groups: GroupOffsets;
  readonly #calls = new Set<Promise<unknown>>();
  #closed = false;

  /** @throws KafkaError INVALID if librdkafka refuses a property */
  constructor(addon: Addon, options: ClientOptions, brokerLog: BrokerLog) {
    const events = new ClientEvents(brokerLog);
    this.#groups = new GroupOffsets((groupId) => groupQuestioner(addon, options, brokerLog, groupId));
    this.#native = made(() => new addon.AdminClient(addonProperties(adminProperties(options))));
    this.#native.configureCallbacks(true, { global: {}, topic: {}, event: { event_cb: events.handle } });
    const refused = this.#native.connect();
    if (typeof refused === "number" && refused !== 0) throw kafkaError(addon, refused, "admin");
    if (typeof refused === "object" && refused !== null && refused.code !== 0) throw fromNative(refused, "admin");
  }

  async createTopics(topics: readonly NewTopic[]): Promise<void> {
    if (topics.length === 0) return;
    await retryWhileFenced(() => this.#create(topics));
    await this.#seen(async () => {
      const present = await this.#topics();
      return topics.every(({ name }) => present.has(name));
    });
  }

  async #create(topics: readonly NewTopic[]): Promise<void> {
    const outcomes = await Promise.allSettled(
      topics.map(({ name, partitions, replicationFactor, config }) =>
        this.#call(name, (done) => {
          const topic = { topic: name, num_partitions: partitions, replication_factor: replicationFactor, config };
          this.#native.createTopic(topic, REQUEST_TIMEOUT_MS, done);
        }),
      ),
    );
    throwFirst(outcomes, ERR.TOPIC_EXISTS);
  }

  async describeTopics(names: readonly string[]): Promise<TopicDescription[]> {
    const present = await this.#topics();
    return names.flatMap((name) => present.get(name) ?? []);
  }

  async deleteTopics(names: readonly string[]): Promise<void> {
    throwFirst(
      await Promise.allSettled(
        names.map((name) => this.#call(name, (done) => this.#native.deleteTopic(name, REQUEST_TIMEOUT_MS, done))),
      ),
    );
  }

  async createPartitions(topic: string, total: number): Promise<void> {
    await retryWhileFenced(() =>
      this.#call(topic, (done) => this.#native.createPartitions(topic, total, REQUEST_TIMEOUT_MS, done)),
    );
    await this.#seen(async () => ((await this.#topics()).get(topic)?.partitions ?? 0) >= total);
  }

  async endOffsets(topic: string): Promise<TopicPartitionOffset[]> {
    return this.#offsets(await this.#partitions([topic]), OFFSET.END);
  }

  async groupLag(groupId: string, topics: readonly string[]): Promise<PartitionLag[]> {
    const partitions = await this.#partitions(topics);
    const committed = await this.#tracked(() => this.#groups.committed(groupId, partitions, REQUEST_TIMEOUT_MS));
    return lagOf(partitions, committed, (which, some) => this.#offsets(some, OFFSET[which]));
  }

  async brokers(timeoutMs: number): Promise<number> {
    return (await this.#metadata(false, timeoutMs)).brokers.length;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    // The addon does not lock against its own end: no worker thread may be using it.
    await Promise.allSettled(this.#calls);
    this.#native.disconnect();
    await this.#groups.close();
  }

  /** A change may be answered before other brokers know of it. Waits until it is visible, at most 5 s. */
  async #seen(shows: () => Promise<boolean>): Promise<void> {
    const until = performance.now() + SEEN_LIMIT_MS;
    while (!(await shows()) && performance.now() < until) await sleep(SEEN_PAUSE_MS);
  }

  async #topics(): Promise<ReadonlyMap<string, TopicDescription>> {
    const { topics } = await this.#metadata(true, REQUEST_TIMEOUT_MS);
    return new Map(
      topics.map(({ name, partitions }) => {
        const replicationFactor = partitions[0]?.replicas.length ?? 0;
        return [name, { name, partitions: partitions.length, replicationFactor }];
      }),
    );
  }

  #metadata(allTopics: boolean, timeoutMs: number): Promise<NativeMetadata> {
    return this.#call("metadata", (done) => this.#native.getMetadata({ allTopics, timeout: timeoutMs }, done));
  }

  /** One result per topic, in their order. @throws KafkaError UNKNOWN_TOPIC */
  async #partitions(names: readonly string[]): Promise<TopicPartition[]> {
    const present = await this.#topics();
    return names.flatMap((topic) => {
      const known = present.get(topic);
      if (known === undefined) throw new KafkaError("UNKNOWN_TOPIC", `no topic ${topic}`);
      return Array.from({ length: known.partitions }, (_, partition) => ({ topic, partition }));
    });
  }

  /** First or end offsets, in the order of `partitions`. */
  async #offsets(partitions: readonly TopicPartition[], which: number): Promise<TopicPartitionOffset[]> {
    const query = partitions.map(({ topic, partition }) => ({ topic, partition, offset: { timestamp: which } }));
    const options = { timeout: REQUEST_TIMEOUT_MS, isolationLevel: READ_UNCOMMITTED };
    const found = await this.#call<NativeOffset[]>("offsets", (done) => this.#native.listOffsets(query, options, done));
    return inOrder(found, partitions, "offsets");
  }

  #call<T>(what: string, call: (done: Done<T>) => void): Promise<T> {
    return this.#tracked(() => called(what, call));
  }

  /** Nothing is freed while it runs. @throws KafkaError CLOSED (as a rejection) */
  #tracked<T>(begin: () => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(new KafkaError("CLOSED", "the admin is closed"));
    const outcome = begin();
    this.#calls.add(outcome);
    const ended = () => this.#calls.delete(outcome);
    outcome.then(ended, ended);
    return outcome;
  }
}

/** The addon's answers in the order of the partitions; −1: there is no offset. @throws KafkaError */
function inOrder(
  found: readonly NativeOffset[],
  partitions: readonly TopicPartition[],
  what: string,
): TopicPartitionOffset[] {
  const failed = found.find(({ error }) => error !== undefined && error.code !== 0)?.error;
  if (failed !== undefined) throw fromNative(failed, what);
  const offsets = offsetsInOrder(found, partitions);
  return partitions.map(({ topic, partition }, i) => ({ topic, partition, offset: offsets[i]! }));
}

function throwFirst(outcomes: readonly PromiseSettledResult<unknown>[], except?: number): void {
  for (const outcome of outcomes) {
    if (outcome.status === "rejected" && outcome.reason.nativeCode !== except) throw outcome.reason;
  }
}
