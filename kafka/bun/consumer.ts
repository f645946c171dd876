import { read } from "bun:ffi";
import type { BrokerLog } from "../broker-log.ts";
import {
  type ClientOptions,
  type Consumer,
  type ConsumerOptions,
  type IncomingRecord,
  KafkaError,
  type TopicPartition,
  type TopicPartitionOffset,
} from "../kafka.ts";
import { consumerProperties, DEFAULT_MAX_POLL_INTERVAL_MS } from "../properties.ts";
import { seek } from "../seek.ts";
import { Wakeable } from "../wakeable-sleep.ts";
import { Commits } from "./commits.ts";
import { kafkaError, takeError } from "./errors.ts";
import { GroupAssignment } from "./group-assignment.ts";
import type { OpenLibrary } from "./library.ts";
import { Memory } from "./memory.ts";
import { MESSAGE, MessageReader } from "./message.ts";
import { NativeClient } from "./native-client.ts";
import { readPartitionList, withPartitionList } from "./partition-list.ts";
import { CONSUMER, EVENT, IMMEDIATE, type Librdkafka, NO_CONSUMER_CLOSE, type Ptr } from "./symbols.ts";

/**
 * The consumer has left its group without blocking before. librdkafka's threads are not joined, also not on another thread: that can
 * block for ever, because a consumer whose topic was deleted or whose partition was lost may hold one reference too many
 * (confluentinc/librdkafka#4362, seen with 2.0.2 and 2.3.0).
 */
const DESTROY_FLAGS = NO_CONSUMER_CLOSE | IMMEDIATE;
/** Milliseconds that leaving the group may take. The broker removes the member after the session timeout in any case. */
const LEAVE_LIMIT_MS = 5_000;
/** Milliseconds for which a commit is retried that a rebalance refuses. A rebalance waits for heartbeats, one a second. */
const COMMIT_LIMIT_MS = 10_000;
const COMMIT_PAUSE_MS = 100;

/** The numbers of the queues, as the wakeup reports them. */
const QUEUE = { GROUP: 2, RECORDS: 3, COMMITS: 4 } as const;

export class BunConsumer implements Consumer {
  readonly #rd: Librdkafka;
  readonly #client: NativeClient;
  /** Rebalances and errors of the group. For librdkafka, draining this queue is the application's poll. */
  readonly #group: Ptr;
  /** Fetched records only. */
  readonly #records: Ptr;
  /** Commit results only. */
  readonly #commitAnswers: Ptr;
  readonly #commits: Commits;
  readonly #reader: MessageReader;
  readonly #assignment: GroupAssignment;
  readonly #maxPollIntervalMs: number;
  #batch = new Memory(8);
  readonly #waiting = new Wakeable();
  #polled = performance.now();
  #closing: Promise<void> | undefined;

  constructor(
    library: OpenLibrary,
    client: ClientOptions,
    private readonly brokerLog: BrokerLog,
    options: ConsumerOptions,
  ) {
    this.#rd = library.rd;
    this.#reader = new MessageReader(library);
    this.#assignment = new GroupAssignment(
      () => this.#client,
      () => this.#records,
      options.onRebalance,
    );
    this.#maxPollIntervalMs = options.maxPollIntervalMs ?? DEFAULT_MAX_POLL_INTERVAL_MS;
    this.#client = new NativeClient(
      library,
      CONSUMER,
      consumerProperties(client, options),
      brokerLog,
      (type, event) => this.#onEvent(type, event),
      (queues) => this.#onWake(queues),
    );
    const { rk } = this.#client;
    this.#group = this.#wakingQueue(this.#rd.rd_kafka_queue_get_consumer(rk), QUEUE.GROUP);
    this.#records = this.#wakingQueue(this.#rd.rd_kafka_queue_new(rk), QUEUE.RECORDS);
    this.#commitAnswers = this.#wakingQueue(this.#rd.rd_kafka_queue_new(rk), QUEUE.COMMITS);
    this.#commits = new Commits(this.#client, this.#commitAnswers);
    const topics = options.topics.map((topic) => ({ topic, partition: -1 }));
    const refused = withPartitionList(this.#rd, topics, (list) => this.#rd.rd_kafka_subscribe(rk, list));
    if (refused !== 0) {
      void this.close();
      throw kafkaError(this.#rd, refused, `subscribe to ${options.topics}`);
    }
  }

  async poll(max: number, timeoutMs: number): Promise<IncomingRecord[]> {
    const until = performance.now() + timeoutMs;
    if (this.#waiting.isAsleep) throw new KafkaError("INVALID", "poll is called while a poll is waiting");
    for (;;) {
      if (this.#closing !== undefined) throw closed();
      if (this.#client.fatal !== undefined) throw this.#client.fatal;
      this.#polled = performance.now();
      this.#client.drain();
      this.#client.drain(this.#group);
      const records = this.#take(max);
      const left = until - performance.now();
      if (records.length > 0 || left <= 0) return records;
      // A poll that waits for hours must still show librdkafka that the application polls.
      await this.#waiting.sleep(Math.min(left, this.#maxPollIntervalMs / 2));
    }
  }

  async commit(offsets: readonly TopicPartitionOffset[]): Promise<void> {
    const until = performance.now() + COMMIT_LIMIT_MS;
    for (;;) {
      if (this.#closing !== undefined) throw closed();
      // The broker would accept an offset for a partition that another member owns by now, and that member would read again.
      const owned = offsets.filter((offset) => this.#assignment.has(offset));
      if (owned.length === 0 || (await this.#commits.commit(owned)) === "STORED") return;
      // Refused while the group rebalances. A partition that stays assigned must not lose the offset: without further records
      // no later commit would store it, and the group would show a lag for ever.
      if (performance.now() > until) throw new KafkaError("REBALANCED", "commit: the group does not come to rest");
      await Bun.sleep(COMMIT_PAUSE_MS);
    }
  }

  pause(partitions: readonly TopicPartition[]): void {
    this.#eachFlow(partitions, "rd_kafka_pause_partitions");
  }

  resume(partitions: readonly TopicPartition[]): void {
    this.#eachFlow(partitions, "rd_kafka_resume_partitions");
  }

  seek(position: TopicPartitionOffset): Promise<void> {
    return seek(position, {
      isOwned: () => {
        if (this.#closing !== undefined) throw closed();
        return this.#assignment.has(position);
      },
      // The call waits for librdkafka's own thread (microseconds), not for a broker.
      attempt: () =>
        withPartitionList(this.#rd, [position], (list) => {
          const error = takeError(this.#rd, this.#rd.rd_kafka_seek_partitions(this.#client.rk, list, 1_000), "seek");
          const native = readPartitionList(list)[0]?.err ?? 0;
          return error ?? (native === 0 ? null : kafkaError(this.#rd, native, "seek"));
        }),
    });
  }

  assignment(): TopicPartition[] {
    return this.#assignment.list();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#waiting.wake();
    const { rk } = this.#client;
    const refused = takeError(this.#rd, this.#rd.rd_kafka_consumer_close_queue(rk, this.#group), "close");
    const until = performance.now() + LEAVE_LIMIT_MS;
    // The last step of leaving the group gives no wakeup, so this loop sleeps briefly. Only here.
    while (refused === null && this.#rd.rd_kafka_consumer_closed(rk) === 0 && performance.now() < until) {
      this.#client.drain(this.#group);
      await Bun.sleep(2);
    }
    this.#client.drain(this.#commitAnswers);
    this.#commits.failAll(closed());
    for (const queue of [this.#group, this.#records, this.#commitAnswers]) this.#client.releaseQueue(queue);
    this.#client.abandon(DESTROY_FLAGS);
  }

  #wakingQueue(queue: Ptr | bigint | null, number: number): Ptr {
    this.#client.wakeOn(queue as Ptr, number);
    return queue as Ptr;
  }

  #onWake(queues: Uint8Array): void {
    // Rebalances are answered between polls as well, so that a long batch does not delay the group. But an application that has
    // stopped polling must lose its partitions; it joins again when it polls again.
    if (performance.now() - this.#polled < this.#maxPollIntervalMs) {
      this.#client.drain();
      if (queues.includes(QUEUE.GROUP)) this.#client.drain(this.#group);
    }
    if (queues.includes(QUEUE.COMMITS)) this.#client.drain(this.#commitAnswers);
    if (queues.includes(QUEUE.GROUP) || queues.includes(QUEUE.RECORDS)) this.#waiting.wake();
  }

  #take(max: number): IncomingRecord[] {
    if (this.#batch.bytes.length < max * 8) this.#batch = new Memory(max * 8);
    const batch = this.#batch;
    const count = Number(this.#rd.rd_kafka_consume_batch_queue(this.#records, 0, batch.at, max));
    const records: IncomingRecord[] = [];
    this.#reader.beginBatch();
    for (let i = 0; i < count; i++) {
      const message = batch.word(i * 8) as Ptr;
      const native = read.i32(message, MESSAGE.err);
      if (native === 0) records.push(this.#reader.read(message));
      else this.brokerLog.error(`fetch: ${this.#rd.rd_kafka_err2str(native)} (${native})`);
      this.#rd.rd_kafka_message_destroy(message);
    }
    return records;
  }

  #onEvent(type: number, event: Ptr): void {
    if (type === EVENT.REBALANCE) this.#assignment.onEvent(event);
    else if (type === EVENT.OFFSET_COMMIT) this.#commits.onEvent(event);
  }

  #eachFlow(
    partitions: readonly TopicPartition[],
    call: "rd_kafka_pause_partitions" | "rd_kafka_resume_partitions",
  ): void {
    if (this.#closing !== undefined) throw closed();
    const owned = partitions.filter((partition) => this.#assignment.has(partition));
    withPartitionList(this.#rd, owned, (list) => this.#rd[call](this.#client.rk, list));
  }
}

const closed = () => new KafkaError("CLOSED", "the consumer is closed");
