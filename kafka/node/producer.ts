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
import type { Addon, CallbackTable, NativeProducer, NativeReport } from "./addon.ts";
import { called, kafkaError, made } from "./errors.ts";
import { addonProperties, ClientEvents } from "./events.ts";
import { RecordWriter } from "./record-writer.ts";

export class NodeProducer implements Producer {
  readonly #addon: Addon;
  readonly #native: NativeProducer;
  readonly #writer: RecordWriter;
  readonly #events: ClientEvents;
  readonly #sends: Sends;
  /** librdkafka's producer exists some milliseconds after ours; what is sent until then waits here. */
  #early: { record: OutgoingRecord; number: number }[] | undefined = [];
  readonly #ready: Promise<void>;
  readonly #callbacks: CallbackTable;
  #closing: Promise<void> | undefined;

  /** @throws KafkaError INVALID if librdkafka refuses a property */
  constructor(addon: Addon, client: ClientOptions, options: ProducerOptions = {}) {
    this.#addon = addon;
    const properties = addonProperties(producerProperties(client, options));
    this.#events = new ClientEvents(client.log);
    this.#native = made(() => new addon.Producer(properties, undefined));
    this.#writer = new RecordWriter(addon, this.#native, properties, options.topicCompression);
    this.#sends = new Sends(
      {
        refusal: () => (this.#closing === undefined ? (this.#events.fatal ?? null) : closed()),
        write: (record, number) => this.#write(record, number),
        // Reports that are here already come with the loop's next look at its descriptors, which precedes its check phase.
        drain: (then) => void setImmediate(then),
      },
      options.maxQueued ?? DEFAULT_MAX_QUEUED,
    );
    this.#callbacks = {
      global: {},
      topic: {},
      event: { event_cb: this.#events.handle, delivery_cb: (error, report) => this.#onReport(error, report) },
    };
    this.#ready = this.#connect();
  }

  send(record: OutgoingRecord, options?: SendOptions): Promise<Ack> {
    return this.#sends.send(record, options);
  }

  sendAll(records: readonly OutgoingRecord[], options?: SendOptions): Promise<void> {
    return this.#sends.sendAll(records, options);
  }

  async flush(timeoutMs: number): Promise<void> {
    if (this.#closing !== undefined) throw closed();
    await this.#sends.flush(timeoutMs);
  }

  stats(): ProducerStats {
    return { ...this.#sends.counts(), connected: this.#events.connected };
  }

  close(timeoutMs = 10_000): Promise<void> {
    this.#closing ??= this.#close(timeoutMs);
    return this.#closing;
  }

  async #close(timeoutMs: number): Promise<void> {
    await this.#sends.emptied(timeoutMs);
    await this.#ready;
    // The addon cannot purge: what is left is dropped with the producer, without reports.
    this.#sends.end(closed());
    await called("close", (done) => this.#native.disconnect(done)).catch(() => {});
    this.#native.configureCallbacks(false, this.#callbacks);
  }

  async #connect(): Promise<void> {
    this.#native.configureCallbacks(true, this.#callbacks);
    try {
      await called("start", (done) => this.#native.connect(done));
      // Reports come from a thread of librdkafka's that wakes the event loop; the other way is a timer that asks.
      this.#native.setPollInBackground(true);
    } catch (error) {
      this.#events.fatal = error instanceof KafkaError ? error : new KafkaError("FATAL", String(error));
    }
    const early = this.#early!;
    this.#early = undefined;
    for (const { record, number } of early) {
      const refused = this.#events.fatal ?? this.#writer.write(record, number);
      if (refused !== null) this.#sends.failed(number, refused);
    }
    this.#sends.reported();
  }

  #write(record: OutgoingRecord, number: number): KafkaError | null {
    if (this.#early === undefined) return this.#writer.write(record, number);
    this.#early.push({ record, number });
    return null;
  }

  #onReport(native: number | null, report: NativeReport): void {
    if (native === null) {
      this.#events.connected = true; // better news than the last statistics
      this.#sends.acknowledged(report.opaque, report.partition, report.offset);
    } else {
      this.#sends.failed(report.opaque, kafkaError(this.#addon, native, "the record was not delivered"));
    }
    this.#sends.reported();
  }
}

const closed = () => new KafkaError("CLOSED", "the producer is closed");
