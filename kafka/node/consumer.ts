import { setTimeout as sleep } from "node:timers/promises";
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
import type { Addon, CallbackTable, NativeConsumer } from "./addon.ts";
import { GroupAssignment } from "./assignment.ts";
import { Commits } from "./commits.ts";
import { called, kafkaError, made } from "./errors.ts";
import { addonProperties, ClientEvents } from "./events.ts";
import { FetchedRecords } from "./fetched-records.ts";

/** Milliseconds between two questions for the assignment while there is no poll. */
const ASSIGNMENT_LOOK_MS = 100;
/** Milliseconds that leaving the group may take. The broker removes the member after the session timeout in any case. */
const LEAVE_LIMIT_MS = 5_000;
/** Milliseconds after the fetchers' end in which the request to leave the group is sent. */
const LEAVING_MS = 25;

export class NodeConsumer implements Consumer {
  readonly #addon: Addon;
  readonly #native: NativeConsumer;
  readonly #callbacks: CallbackTable;
  readonly #events: ClientEvents;
  readonly #assignment: GroupAssignment;
  readonly #commits: Commits;
  readonly #fetched: FetchedRecords;
  readonly #longestWaitMs: number;
  readonly #ready: Promise<void>;
  readonly #look: ReturnType<typeof setInterval>;
  /** The queue became non-empty since the last fetch. */
  #filled = false;
  #polling = false;
  readonly #waiting = new Wakeable();
  #closing: Promise<void> | undefined;

  /** @throws KafkaError INVALID if librdkafka refuses a property */
  constructor(addon: Addon, client: ClientOptions, brokerLog: BrokerLog, options: ConsumerOptions) {
    this.#addon = addon;
    this.#events = new ClientEvents(brokerLog);
    this.#native = made(() => new addon.KafkaConsumer(addonProperties(consumerProperties(client, options)), undefined));
    this.#callbacks = {
      global: {},
      topic: {},
      event: { event_cb: this.#events.handle, queue_non_empty_cb: () => this.#onFilled() },
    };
    this.#assignment = new GroupAssignment(this.#native, (change, partitions) => {
      if (change === "revoked") this.#fetched.forget(partitions);
      else this.#flow(partitions);
      options.onRebalance?.(change, partitions);
    });
    this.#fetched = new FetchedRecords(this.#native, this.#assignment, brokerLog);
    this.#commits = new Commits(addon, this.#native, this.#assignment);
    // A poll that waits for hours must still show librdkafka that the application polls.
    this.#longestWaitMs = (options.maxPollIntervalMs ?? DEFAULT_MAX_POLL_INTERVAL_MS) / 2;
    this.#ready = this.#join(options.topics);
    this.#look = setInterval(() => {
      try {
        this.#assignment.refresh();
      } catch (error) {
        // A listener's error. Thrown on, it would end the process.
        brokerLog.error(`a rebalance was not dealt with: ${error instanceof Error ? error.message : error}`);
      }
    }, ASSIGNMENT_LOOK_MS).unref();
  }

  async poll(max: number, timeoutMs: number): Promise<IncomingRecord[]> {
    const until = performance.now() + timeoutMs;
    if (this.#polling) throw new KafkaError("INVALID", "poll is called while a poll is waiting");
    this.#polling = true;
    try {
      await this.#ready;
      for (;;) {
        this.#check();
        this.#filled = false;
        const records = await this.#fetched.take(max);
        this.#check();
        const left = until - performance.now();
        if (left <= 0 || (records !== null && records.length > 0)) return records ?? [];
        if (records !== null && !this.#filled) await this.#waiting.sleep(Math.min(left, this.#longestWaitMs));
      }
    } finally {
      this.#polling = false;
    }
  }

  async commit(offsets: readonly TopicPartitionOffset[]): Promise<void> {
    if (this.#closing !== undefined) throw closed();
    await this.#ready;
    await this.#commits.commit(offsets);
  }

  pause(partitions: readonly TopicPartition[]): void {
    const owned = this.#ownedOf(partitions);
    this.#fetched.setPaused(owned, true);
    if (owned.length > 0) this.#native.pause(owned);
  }

  resume(partitions: readonly TopicPartition[]): void {
    const owned = this.#ownedOf(partitions);
    this.#fetched.setPaused(owned, false);
    if (owned.length > 0) this.#native.resume(owned);
    this.#onFilled(); // something may have been held back
  }

  seek(position: TopicPartitionOffset): Promise<void> {
    return this.#fetched.without(async () => {
      await seek(position, {
        isOwned: () => this.#ownedOf([position]).length > 0,
        attempt: () =>
          called("seek", (done) => this.#native.seek(position, 1_000, done)).then(
            () => null,
            (error: KafkaError) => error,
          ),
      });
      this.#fetched.forget([position]);
    });
  }

  assignment(): TopicPartition[] {
    if (this.#closing === undefined) this.#assignment.refresh();
    return this.#assignment.list();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#waiting.wake();
    await this.#ready.catch(() => {});
    clearInterval(this.#look);
    // The addon does not lock against its own end: no worker thread may be using it.
    await this.#fetched.without(async () => {});
    await this.#commits.end(closed());
    await this.#leave();
    const left = called("close", (done) => this.#native.disconnect(done)).catch(() => {});
    await Promise.race([left, sleep(LEAVE_LIMIT_MS, undefined, { ref: false })]);
    this.#native.configureCallbacks(false, this.#callbacks);
    this.#assignment.clear();
  }

  /**
   * Leaves the group, so that other members get the partitions now and not after the session timeout. librdkafka's close does
   * not leave when librdkafka manages the assignment itself (2.15: it ends between the revocation and the request). Unsubscribing
   * does leave, about 1 ms after the fetchers have stopped; during a rebalance, after its end.
   */
  async #leave(): Promise<void> {
    if (this.#events.fatal !== undefined) return;
    this.#native.unsubscribe();
    const until = performance.now() + LEAVE_LIMIT_MS;
    do {
      this.#assignment.refresh();
      await sleep(LEAVING_MS);
    } while (this.#assignment.list().length > 0 && performance.now() < until);
  }

  async #join(topics: readonly string[]): Promise<void> {
    this.#native.configureCallbacks(true, this.#callbacks);
    try {
      await called("start", (done) => this.#native.connect(done));
      const native = this.#native.subscribe(topics);
      if (native !== 0) throw kafkaError(this.#addon, native, `subscribe to ${topics}`);
    } catch (error) {
      this.#events.fatal = error as KafkaError;
    }
  }

  #check(): void {
    if (this.#closing !== undefined) throw closed();
    if (this.#events.fatal !== undefined) throw this.#events.fatal;
  }

  #ownedOf(partitions: readonly TopicPartition[]): TopicPartition[] {
    if (this.#closing !== undefined) throw closed();
    this.#assignment.refresh();
    return partitions.filter((partition) => this.#assignment.has(partition));
  }

  /** librdkafka remembers a pause across rebalances. The partition may have been resumed while another member had it. */
  #flow(partitions: readonly TopicPartition[]): void {
    this.#fetched.setPaused(partitions, false);
    this.#native.resume(partitions);
    this.#onFilled();
  }

  #onFilled(): void {
    this.#filled = true;
    this.#waiting.wake();
  }
}

const closed = () => new KafkaError("CLOSED", "the consumer is closed");
