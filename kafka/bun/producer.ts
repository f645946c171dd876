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
import { DEFAULT_MAX_QUEUED, producerProperties } from "../properties.ts";
import { Sends } from "../sends.ts";
import { kafkaError } from "./errors.ts";
import type { OpenLibrary } from "./library.ts";
import { MESSAGE } from "./message.ts";
import { NativeClient } from "./native-client.ts";
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
  readonly #sends: Sends;
  readonly #reports = new BigUint64Array(REPORTS);
  readonly #reportsAt = ptr(this.#reports);
  #closing: Promise<void> | undefined;

  constructor(library: OpenLibrary, client: ClientOptions, options: ProducerOptions = {}) {
    const properties = producerProperties(client, options);
    this.#client = new NativeClient(library, PRODUCER, properties, client.log, (type, event) => {
      if (type === EVENT.DR) this.#onReports(event);
    });
    this.#writer = new RecordWriter(library.rd, this.#client.rk, options.topicCompression);
    const sink = {
      refusal: () => (this.#closing === undefined ? (this.#client.fatal ?? null) : closed()),
      write: (record: OutgoingRecord, number: number) => this.#writer.write(record, number),
      drain: (then: () => void) => {
        this.#client.drain();
        then();
      },
    };
    this.#sends = new Sends(sink, options.maxQueued ?? DEFAULT_MAX_QUEUED);
  }

  send(record: OutgoingRecord, options?: SendOptions): Promise<Ack> {
    return this.#sends.send(record, options);
  }

  sendAll(records: readonly OutgoingRecord[], options?: SendOptions): Promise<void> {
    return this.#sends.sendAll(records, options);
  }

  async flush(timeoutMs: number): Promise<void> {
    if (this.#client.destroyed) throw closed();
    await this.#sends.flush(timeoutMs);
  }

  stats(): ProducerStats {
    return { ...this.#sends.counts(), connected: this.#client.connected };
  }

  close(timeoutMs = 10_000): Promise<void> {
    this.#closing ??= this.#close(timeoutMs);
    return this.#closing;
  }

  async #close(timeoutMs: number): Promise<void> {
    if (!(await this.#sends.emptied(timeoutMs))) {
      this.#client.rd.rd_kafka_purge(this.#client.rk, PURGE_ALL);
      await this.#sends.emptied(PURGE_LIMIT_MS);
    }
    this.#sends.end(closed());
    this.#writer.close();
    this.#client.destroy(0);
  }

  #onReports(event: Ptr): void {
    const { rd } = this.#client;
    for (;;) {
      const count = Number(rd.rd_kafka_event_message_array(event, this.#reportsAt, REPORTS));
      for (let i = 0; i < count; i++) this.#onReport(read.ptr(this.#reportsAt, i * 8) as Ptr);
      if (count < REPORTS) break;
    }
    this.#sends.reported();
  }

  #onReport(message: Ptr): void {
    const number = read.ptr(message, MESSAGE.opaque);
    const native = read.i32(message, MESSAGE.err);
    if (native === 0) {
      this.#client.answered();
      // Signed: a repeat that the broker recognised as one is acknowledged without an offset (-1).
      const offset = read.intptr(message, MESSAGE.offset);
      this.#sends.acknowledged(number, read.i32(message, MESSAGE.partition), offset);
    } else {
      this.#sends.failed(number, kafkaError(this.#client.rd, native, "the record was not delivered"));
    }
  }
}

const closed = () => new KafkaError("CLOSED", "the producer is closed");
