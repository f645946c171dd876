import { read } from "bun:ffi";
import { BaseProducer, producerClosed } from "../base-producer.ts";
import type { BrokerLog } from "../broker-log.ts";
import type { ClientOptions, KafkaError, OutgoingRecord, ProducerOptions } from "../kafka.ts";
import { producerProperties } from "../properties.ts";
import { kafkaError } from "./errors.ts";
import type { OpenLibrary } from "./library.ts";
import { Memory } from "./memory.ts";
import { MESSAGE } from "./message.ts";
import { NativeClient } from "./native-client.ts";
import { RecordWriter } from "./record-writer.ts";
import { EVENT, PRODUCER, type Ptr } from "./symbols.ts";

/** Reports taken out of an event per call. */
const REPORTS = 256;
/**
 * RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING: librdkafka's threads may be busy
 * elsewhere.
 */
const PURGE_ALL = 0x7;
/** Milliseconds that the reports of purged records may take. They come from librdkafka's threads. */
const PURGE_LIMIT_MS = 2_000;

export class BunProducer extends BaseProducer {
  readonly #client: NativeClient;
  readonly #writer: RecordWriter;
  readonly #reports = new Memory(REPORTS * 8);

  /** @throws KafkaError INVALID if librdkafka refuses a property */
  constructor(library: OpenLibrary, client: ClientOptions, brokerLog: BrokerLog, options: ProducerOptions = {}) {
    super(options);
    this.#client = new NativeClient(
      library,
      PRODUCER,
      producerProperties(client, options),
      brokerLog,
      (type, event) => {
        if (type === EVENT.DR) this.#onReports(event);
      },
    );
    this.#writer = new RecordWriter(library.rd, this.#client.rk, options.topicCompression);
  }

  protected get fatal(): KafkaError | undefined {
    return this.#client.fatal;
  }

  protected get connected(): boolean {
    return this.#client.connected;
  }

  protected write(record: OutgoingRecord, number: number): KafkaError | null {
    return this.#writer.write(record, number);
  }

  protected drain(then: () => void): void {
    this.#client.drain();
    then();
  }

  protected async end(timeoutMs: number): Promise<void> {
    if (!(await this.sends.emptied(timeoutMs))) {
      this.#client.rd.rd_kafka_purge(this.#client.rk, PURGE_ALL);
      await this.sends.emptied(PURGE_LIMIT_MS);
    }
    this.sends.end(producerClosed());
    this.#writer.close();
    await this.#client.destroy();
  }

  #onReports(event: Ptr): void {
    const { rd } = this.#client;
    for (;;) {
      const count = Number(rd.rd_kafka_event_message_array(event, this.#reports.at, REPORTS));
      for (let i = 0; i < count; i++) this.#onReport(this.#reports.word(i * 8) as Ptr);
      if (count < REPORTS) break;
    }
    this.sends.reported();
  }

  #onReport(message: Ptr): void {
    const number = read.ptr(message, MESSAGE.opaque);
    const native = read.i32(message, MESSAGE.err);
    if (native === 0) {
      this.#client.answered();
      // Signed: a duplicate that the broker recognised is acknowledged without an offset (-1).
      const offset = read.intptr(message, MESSAGE.offset);
      this.sends.acknowledged(number, read.i32(message, MESSAGE.partition), offset);
    } else {
      this.sends.failed(number, kafkaError(this.#client.rd, native, "the record was not delivered"));
    }
  }
}
