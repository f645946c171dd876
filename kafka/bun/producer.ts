import { ptr, read } from "bun:ffi";
import {
  type Ack,
  type ClientOptions,
  KafkaError,
  type OutgoingRecord,
  type Producer,
  type ProducerOptions,
  type ProducerStats,
  type SendOptions,
} from "../kafka.ts";
import { DEFAULT_MAX_QUEUED, producerProperties } from "./config.ts";
import { Deadlines } from "./deadlines.ts";
import { kafkaError } from "./errors.ts";
import type { OpenLibrary } from "./library.ts";
import { MESSAGE } from "./message.ts";
import { NativeClient } from "./native-client.ts";
import { GroupSend, PendingTable, SingleSend, type Waiter } from "./pending.ts";
import { RecordWriter } from "./record-writer.ts";
import { EVENT, PRODUCER, type Ptr } from "./symbols.ts";

/** Reports taken out of an event per call. */
const REPORTS = 256;
/** RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT */
const PURGE_ALL = 0x3;
/** How long the reports of purged records may take, milliseconds; they come from librdkafka's own threads. */
const PURGE_LIMIT_MS = 2_000;

export class BunProducer implements Producer {
  readonly #client: NativeClient;
  readonly #writer: RecordWriter;
  readonly #pending = new PendingTable();
  readonly #deadlines = new Deadlines(() => this.#client.drain());
  readonly #maxQueued: number;
  readonly #reports = new BigUint64Array(REPORTS);
  readonly #reportsAt = ptr(this.#reports);
  #idle: (() => void)[] = [];
  #closing: Promise<void> | undefined;
  #sent = 0;
  #acknowledged = 0;
  #failed = 0;

  constructor(library: OpenLibrary, client: ClientOptions, options: ProducerOptions = {}) {
    const properties = producerProperties(client, options);
    this.#maxQueued = options.maxQueued ?? DEFAULT_MAX_QUEUED;
    this.#client = new NativeClient(library, PRODUCER, properties, client.log, (type, event) => {
      if (type === EVENT.DR) this.#onReports(event);
    });
    this.#writer = new RecordWriter(library.rd, this.#client.rk, options.topicCompression);
  }

  send(record: OutgoingRecord, options?: SendOptions): Promise<Ack> {
    return new Promise((resolve, reject) => {
      const waiter = new SingleSend(record.topic, resolve, reject);
      const refused = this.#enqueue(record, waiter);
      if (refused !== null) reject(refused);
      else if (options?.deadlineMs !== undefined) this.#deadlines.add(waiter, options.deadlineMs);
    });
  }

  sendAll(records: readonly OutgoingRecord[], options?: SendOptions): Promise<void> {
    if (records.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const waiter = new GroupSend(records.length, resolve, reject);
      for (const record of records) {
        const refused = this.#enqueue(record, waiter);
        if (refused !== null) waiter.failed(refused);
      }
      if (!waiter.settled && options?.deadlineMs !== undefined) this.#deadlines.add(waiter, options.deadlineMs);
    });
  }

  async flush(timeoutMs: number): Promise<void> {
    if (this.#client.destroyed) throw closed();
    if (!(await this.#emptied(timeoutMs))) {
      throw new KafkaError("ACK_DEADLINE", `${this.#pending.size} records are still queued or in flight`);
    }
  }

  stats(): ProducerStats {
    return {
      queued: this.#pending.size,
      sent: this.#sent,
      acknowledged: this.#acknowledged,
      failed: this.#failed,
      connected: this.#client.connected,
    };
  }

  close(timeoutMs = 10_000): Promise<void> {
    this.#closing ??= this.#close(timeoutMs);
    return this.#closing;
  }

  async #close(timeoutMs: number): Promise<void> {
    if (!(await this.#emptied(timeoutMs))) {
      this.#client.rd.rd_kafka_purge(this.#client.rk, PURGE_ALL);
      await this.#emptied(PURGE_LIMIT_MS);
      this.#pending.failAll(closed());
    }
    this.#deadlines.clear();
    this.#writer.close();
    this.#client.destroy(0);
  }

  #enqueue(record: OutgoingRecord, waiter: Waiter): KafkaError | null {
    if (this.#closing !== undefined) return closed();
    if (this.#client.fatal !== undefined) return this.#client.fatal;
    if (this.#pending.size >= this.#maxQueued) {
      return new KafkaError("QUEUE_FULL", `${this.#maxQueued} records are queued or in flight already`);
    }
    const number = this.#pending.add(waiter);
    const refused = this.#writer.write(record, number);
    if (refused === null) this.#sent++;
    else this.#pending.take(number);
    return refused;
  }

  #onReports(event: Ptr): void {
    const { rd } = this.#client;
    for (;;) {
      const count = Number(rd.rd_kafka_event_message_array(event, this.#reportsAt, REPORTS));
      for (let i = 0; i < count; i++) this.#onReport(read.ptr(this.#reportsAt, i * 8) as Ptr);
      if (count < REPORTS) break;
    }
    if (this.#pending.size === 0) this.#becameIdle();
  }

  #onReport(message: Ptr): void {
    const waiter = this.#pending.take(read.ptr(message, MESSAGE.opaque));
    const native = read.i32(message, MESSAGE.err);
    if (native === 0) {
      this.#acknowledged++;
      this.#client.answered();
      // Signed: a repeat that the broker recognised as one is acknowledged without an offset (-1).
      const offset = read.intptr(message, MESSAGE.offset);
      waiter?.acknowledged(read.i32(message, MESSAGE.partition), offset);
    } else {
      this.#failed++;
      waiter?.failed(kafkaError(this.#client.rd, native, "the record was not delivered"));
    }
  }

  /** True once nothing is pending; false after `timeoutMs`. */
  #emptied(timeoutMs: number): Promise<boolean> {
    if (this.#pending.size === 0) return Promise.resolve(true);
    return new Promise((settle) => {
      const done = () => {
        clearTimeout(timer);
        settle(true);
      };
      const timer = setTimeout(() => {
        this.#client.drain();
        this.#idle = this.#idle.filter((other) => other !== done);
        settle(this.#pending.size === 0);
      }, timeoutMs);
      this.#idle.push(done);
    });
  }

  #becameIdle(): void {
    const waiting = this.#idle;
    this.#idle = [];
    for (const done of waiting) done();
  }
}

const closed = () => new KafkaError("CLOSED", "the producer is closed");
