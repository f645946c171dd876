import type { BrokerLog } from "../broker-log.ts";
import { codeOf, ERR } from "../error-codes.ts";
import { lagOf } from "../group-lag.ts";
import { GroupOffsets } from "../group-offsets.ts";
import {
  type ClientOptions,
  type ConfiguredTopic,
  KafkaError,
  type NewTopic,
  type PartitionLag,
  type TopicAdmin,
  type TopicPartition,
  type TopicPartitionOffset,
} from "../kafka.ts";
import { retryWhileFenced } from "../retry-while-fenced.ts";
import { AdminClient, readPointers, type TopicResult, withPointers } from "./admin-client.ts";
import { GroupQuestioner } from "./group-questioner.ts";
import type { OpenLibrary } from "./library.ts";
import { Memory } from "./memory.ts";
import { type ClusterMetadata, readMetadata } from "./metadata.ts";
import { OFFSET } from "./partition-list.ts";
import { queryOffsets } from "./query-offsets.ts";
import type { Librdkafka, Ptr } from "./symbols.ts";
import { alterConfig, describeConfigs } from "./topic-config.ts";

const QUERY_LIMIT_MS = 10_000;
const SEEN_LIMIT_MS = 5_000;
const SEEN_PAUSE_MS = 20;

export class BunAdmin implements TopicAdmin {
  readonly #client: AdminClient;
  readonly #rd: Librdkafka;
  readonly #groups: GroupOffsets;

  constructor(library: OpenLibrary, options: ClientOptions, brokerLog: BrokerLog) {
    this.#client = new AdminClient(library, options, brokerLog);
    this.#rd = this.#client.rd;
    this.#groups = new GroupOffsets((groupId) => new GroupQuestioner(library, options, brokerLog, groupId));
  }

  async createTopics(topics: readonly NewTopic[]): Promise<void> {
    if (topics.length === 0) return;
    await retryWhileFenced(() => this.#create(topics));
    await this.#seen(async () => {
      const present = (await this.#metadata(true, QUERY_LIMIT_MS)).topics;
      return topics.every(({ name }) => present.has(name));
    });
  }

  async #create(topics: readonly NewTopic[]): Promise<void> {
    const rd = this.#rd;
    const results = await this.#client.request(
      "create topics",
      (options, queue) => {
        const made = topics.map((topic) => {
          const native = rd.rd_kafka_NewTopic_new(
            topic.name,
            topic.partitions,
            topic.replicationFactor,
            null,
            0,
          ) as Ptr;
          if (!native) throw new KafkaError("INVALID", `"${topic.name}" cannot be created with these numbers`);
          for (const [name, value] of Object.entries(topic.config))
            rd.rd_kafka_NewTopic_set_config(native, name, value);
          return native;
        });
        withPointers(made, (array) => rd.rd_kafka_CreateTopics(this.#client.rk, array, made.length, options, queue));
        for (const native of made) rd.rd_kafka_NewTopic_destroy(native);
      },
      // The event of each kind of request is the result type as well; librdkafka's accessors only cast it.
      (event) => this.#topicResults((count) => rd.rd_kafka_CreateTopics_result_topics(event, count)),
    );
    throwFirst(results, [ERR.TOPIC_EXISTS]);
  }

  async describeTopics(names: readonly string[]): Promise<ConfiguredTopic[]> {
    const { topics } = await this.#metadata(true, QUERY_LIMIT_MS);
    const known = names.flatMap((name) => topics.get(name) ?? []);
    if (known.length === 0) return [];
    const configs = await describeConfigs(
      this.#client,
      known.map(({ name }) => name),
    );
    return known.map((topic) => ({ ...topic, config: configs.get(topic.name) ?? {} }));
  }

  async deleteTopics(names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    const rd = this.#rd;
    const results = await this.#client.request(
      "delete topics",
      (options, queue) => {
        const made = names.map((name) => rd.rd_kafka_DeleteTopic_new(name) as Ptr);
        withPointers(made, (array) => rd.rd_kafka_DeleteTopics(this.#client.rk, array, made.length, options, queue));
        for (const native of made) rd.rd_kafka_DeleteTopic_destroy(native);
      },
      (event) => this.#topicResults((count) => rd.rd_kafka_DeleteTopics_result_topics(event, count)),
    );
    throwFirst(results);
  }

  async createPartitions(topic: string, total: number): Promise<void> {
    await retryWhileFenced(() => this.#extend(topic, total));
    await this.#seen(async () => {
      const present = (await this.#metadata(true, QUERY_LIMIT_MS)).topics.get(topic);
      return present !== undefined && present.partitions >= total;
    });
  }

  async #extend(topic: string, total: number): Promise<void> {
    const rd = this.#rd;
    const results = await this.#client.request(
      "create partitions",
      (options, queue) => {
        const made = rd.rd_kafka_NewPartitions_new(topic, total, null, 0) as Ptr;
        withPointers([made], (array) => rd.rd_kafka_CreatePartitions(this.#client.rk, array, 1, options, queue));
        rd.rd_kafka_NewPartitions_destroy(made);
      },
      (event) => this.#topicResults((count) => rd.rd_kafka_CreatePartitions_result_topics(event, count)),
    );
    throwFirst(results);
  }

  async alterTopicConfig(topic: string, config: Readonly<Record<string, string>>): Promise<void> {
    throwFirst(await alterConfig(this.#client, topic, config));
    await this.#seen(async () => {
      const present = (await describeConfigs(this.#client, [topic])).get(topic) ?? {};
      return Object.entries(config).every(([name, value]) => present[name] === value);
    });
  }

  async endOffsets(topic: string): Promise<TopicPartitionOffset[]> {
    const offsets = await queryOffsets(this.#client, await this.#partitions([topic]), OFFSET.END, QUERY_LIMIT_MS);
    return offsets.map(({ partition, offset }) => ({ topic, partition, offset }));
  }

  async groupLag(groupId: string, topics: readonly string[]): Promise<PartitionLag[]> {
    const partitions = await this.#partitions(topics);
    const committed = await this.#groups.committed(groupId, partitions, QUERY_LIMIT_MS);
    return lagOf(partitions, committed, (which, some) =>
      queryOffsets(this.#client, some, OFFSET[which], QUERY_LIMIT_MS),
    );
  }

  async brokers(timeoutMs: number): Promise<number> {
    return (await this.#metadata(false, timeoutMs)).brokers;
  }

  async close(): Promise<void> {
    await Promise.all([this.#client.close(), this.#groups.close()]);
  }

  /** A change may be answered before other brokers know of it. Waits until it is visible, at most 5 s. */
  async #seen(shows: () => Promise<boolean>): Promise<void> {
    const until = performance.now() + SEEN_LIMIT_MS;
    while (!(await shows()) && performance.now() < until) await Bun.sleep(SEEN_PAUSE_MS);
  }

  /** One result per topic, in their order. @throws KafkaError UNKNOWN_TOPIC */
  async #partitions(names: readonly string[]): Promise<TopicPartition[]> {
    const { topics } = await this.#metadata(true, QUERY_LIMIT_MS);
    return names.flatMap((topic) => {
      const known = topics.get(topic);
      if (known === undefined) throw new KafkaError("UNKNOWN_TOPIC", `no topic ${topic}`);
      return Array.from({ length: known.partitions }, (_, partition) => ({ topic, partition }));
    });
  }

  async #metadata(allTopics: boolean, timeoutMs: number): Promise<ClusterMetadata> {
    const out = new Memory(8);
    await this.#client.blocking("metadata", timeoutMs, (blockMs) =>
      this.#rd.rd_kafka_metadata(this.#client.rk, allTopics ? 1 : 0, null, out.at, blockMs),
    );
    const metadata = out.word(0) as Ptr;
    const copy = readMetadata(metadata);
    this.#rd.rd_kafka_metadata_destroy(metadata);
    return copy;
  }

  #topicResults(list: (count: Ptr) => Ptr | bigint | null): TopicResult[] {
    return readPointers(list).map((result) => ({
      name: this.#rd.rd_kafka_topic_result_name(result) ?? "",
      err: this.#rd.rd_kafka_topic_result_error(result),
      text: this.#rd.rd_kafka_topic_result_error_string(result) ?? "",
    }));
  }
}

function throwFirst(results: readonly TopicResult[], except: readonly number[] = []): void {
  const failed = results.find(({ err }) => err !== 0 && !except.includes(err));
  if (failed) throw new KafkaError(codeOf(failed.err), `${failed.name}: ${failed.text}`, failed.err);
}
