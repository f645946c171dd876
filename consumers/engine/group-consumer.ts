import type { Consumer, IncomingRecord, Kafka, TopicPartition } from "../../kafka/kafka.ts";
import { keyOf } from "../../kafka/partitions.ts";
import { failureCode } from "./failure.ts";
import type { Log } from "./log.ts";
import { pause } from "./pause.ts";
import { RejoinTimer } from "./rejoin-timer.ts";
import type { HeldRecords, Role } from "./role.ts";

/** After a poll that failed, and between two tries to open a new consumer, milliseconds. */
const AFTER_ERROR_MS = 1_000;

/** What the runner does at a poll and at a rebalance. Called at once, before anything else can happen. */
export interface ConsumerHandlers {
  polled(records: readonly IncomingRecord[]): void;
  /** The group gives these partitions to another member. */
  revoked(partitions: readonly TopicPartition[]): void;
}

/**
 * A role's membership in its consumer group. The Kafka client behind it is replaced when it is broken for good, or when it
 * has lost its partitions and does not get any back.
 */
export class GroupConsumer {
  readonly #kafka: Kafka;
  readonly #role: Role;
  readonly #log: Log;
  readonly #stopping: AbortSignal;
  readonly #handlers: ConsumerHandlers;
  readonly #rejoinTimer = new RejoinTimer();
  /** Partitions that are paused because the role holds too many of their records. */
  readonly #heldBack = new Map<string, TopicPartition>();
  #consumer: Consumer;

  constructor(kafka: Kafka, role: Role, log: Log, stopping: AbortSignal, handlers: ConsumerHandlers) {
    this.#kafka = kafka;
    this.#role = role;
    this.#log = log;
    this.#stopping = stopping;
    this.#handlers = handlers;
    this.#consumer = this.#open();
  }

  commit(offsets: Parameters<Consumer["commit"]>[0]): ReturnType<Consumer["commit"]> {
    return this.#consumer.commit(offsets);
  }

  /** Hands the records to `polled`. Never rejects: a failure is logged and followed by a pause. */
  async poll(max: number, timeoutMs: number): Promise<void> {
    try {
      this.#handlers.polled(await this.#consumer.poll(max, timeoutMs));
    } catch (error) {
      this.#log.error({ role: this.#role.name, ...failureCode(error) }, "polling failed");
      const { code } = failureCode(error);
      if (code === "FATAL" || code === "FENCED" || code === "CLOSED") await this.#replace();
      await pause(AFTER_ERROR_MS, this.#stopping);
    }
  }

  /** Pauses the partitions of which the role holds too many records, and resumes those of which it no longer does. */
  holdBack(held: HeldRecords): void {
    const overfull = new Map((held.overfull?.() ?? []).map((partition) => [keyOf(partition), partition]));
    const paused = [...overfull].filter(([key]) => !this.#heldBack.has(key));
    const resumed = [...this.#heldBack].filter(([key]) => !overfull.has(key));
    if (paused.length > 0) this.#consumer.pause(paused.map(([, partition]) => partition));
    if (resumed.length > 0) this.#consumer.resume(resumed.map(([, partition]) => partition));
    for (const [key, partition] of paused) this.#heldBack.set(key, partition);
    for (const [key] of resumed) this.#heldBack.delete(key);
  }

  /** Pauses all partitions that are assigned now and adds them to `paused`. */
  pauseAll(paused: Map<string, TopicPartition>): void {
    const assigned = this.#consumer.assignment();
    this.#consumer.pause(assigned);
    for (const partition of assigned) paused.set(keyOf(partition), partition);
  }

  /** Resumes what `pauseAll` paused, except the partitions that are held back. */
  resume(paused: ReadonlyMap<string, TopicPartition>): void {
    this.#consumer.resume([...paused].flatMap(([key, partition]) => (this.#heldBack.has(key) ? [] : [partition])));
  }

  /** To be called while nothing else is to be done: joins the group again if the partitions have been gone for too long. */
  async rejoinIfDue(): Promise<void> {
    if (!this.#rejoinTimer.isDue(performance.now()) || this.#stopping.aborted) return;
    this.#log.error({ role: this.#role.name }, "without partitions for long: joining the group anew");
    await this.#replace();
  }

  close(): Promise<void> {
    return this.#consumer.close();
  }

  #open(): Consumer {
    return this.#kafka.consumer({
      groupId: this.#role.groupId,
      topics: this.#role.topics,
      onRebalance: (change, partitions) => {
        if (change === "revoked") {
          this.#handlers.revoked(partitions);
          for (const partition of partitions) this.#heldBack.delete(keyOf(partition)); // a pause ends with the assignment
          this.#rejoinTimer.revoked(this.#consumer.assignment().length, performance.now());
        } else this.#rejoinTimer.assigned();
        const names = partitions.map(({ topic, partition }) => `${topic}/${partition}`);
        this.#log.info({ role: this.#role.name, partitions: names }, `partitions ${change}`);
      },
    });
  }

  async #replace(): Promise<void> {
    await this.#consumer.close().catch((cause) => this.#log.warn(failureCode(cause), "the consumer did not close"));
    this.#heldBack.clear();
    while (!this.#stopping.aborted) {
      try {
        this.#consumer = this.#open();
        return;
      } catch (error) {
        this.#log.error({ role: this.#role.name, ...failureCode(error) }, "there can be no new consumer yet");
        await pause(AFTER_ERROR_MS, this.#stopping);
      }
    }
  }
}
