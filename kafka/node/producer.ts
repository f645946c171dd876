import { BaseProducer, producerClosed } from "../base-producer.ts";
import type { BrokerLog } from "../broker-log.ts";
import { type ClientOptions, KafkaError, type OutgoingRecord, type ProducerOptions } from "../kafka.ts";
import { producerProperties } from "../properties.ts";
import type { Addon, CallbackTable, NativeProducer, NativeReport } from "./addon.ts";
import { called, kafkaError, made } from "./errors.ts";
import { addonProperties, ClientEvents } from "./events.ts";
import { RecordWriter } from "./record-writer.ts";

export class NodeProducer extends BaseProducer {
  readonly #addon: Addon;
  readonly #native: NativeProducer;
  readonly #writer: RecordWriter;
  readonly #events: ClientEvents;
  /** Records that are sent before librdkafka's producer exists, some milliseconds after this object. */
  #early: { record: OutgoingRecord; number: number }[] | undefined = [];
  readonly #ready: Promise<void>;
  readonly #callbacks: CallbackTable;

  /** @throws KafkaError INVALID if librdkafka refuses a property */
  constructor(addon: Addon, client: ClientOptions, brokerLog: BrokerLog, options: ProducerOptions = {}) {
    super(options);
    this.#addon = addon;
    const properties = addonProperties(producerProperties(client, options));
    this.#events = new ClientEvents(brokerLog);
    this.#native = made(() => new addon.Producer(properties, undefined));
    this.#writer = new RecordWriter(addon, this.#native, properties, options.topicCompression);
    this.#callbacks = {
      global: {},
      topic: {},
      event: { event_cb: this.#events.handle, delivery_cb: (error, report) => this.#onReport(error, report) },
    };
    this.#ready = this.#connect();
  }

  protected get fatal(): KafkaError | undefined {
    return this.#events.fatal;
  }

  protected get connected(): boolean {
    return this.#events.connected;
  }

  protected write(record: OutgoingRecord, number: number): KafkaError | null {
    if (this.#early === undefined) return this.#writer.write(record, number);
    this.#early.push({ record, number });
    return null;
  }

  protected drain(then: () => void): void {
    // Reports that have arrived are handled in the event loop's poll phase, which comes before its check phase.
    setImmediate(then);
  }

  protected async end(timeoutMs: number): Promise<void> {
    await this.sends.emptied(timeoutMs);
    await this.#ready;
    // The addon cannot purge: what is left is dropped with the producer, without reports.
    this.sends.end(producerClosed());
    await called("close", (done) => this.#native.disconnect(done)).catch(() => {});
    this.#native.configureCallbacks(false, this.#callbacks);
  }

  async #connect(): Promise<void> {
    this.#native.configureCallbacks(true, this.#callbacks);
    try {
      await called("start", (done) => this.#native.connect(done));
      // A librdkafka thread wakes the event loop for reports. The alternative would be a timer that polls.
      this.#native.setPollInBackground(true);
    } catch (error) {
      this.#events.fatal = error instanceof KafkaError ? error : new KafkaError("FATAL", String(error));
    }
    const early = this.#early!;
    this.#early = undefined;
    for (const { record, number } of early) {
      const refused = this.#events.fatal ?? this.#writer.write(record, number);
      if (refused !== null) this.sends.failed(number, refused);
    }
    this.sends.reported();
  }

  #onReport(native: number | null, report: NativeReport): void {
    if (native === null) {
      this.#events.answered();
      this.sends.acknowledged(report.opaque, report.partition, report.offset);
    } else {
      this.sends.failed(report.opaque, kafkaError(this.#addon, native, "the record was not delivered"));
    }
    this.sends.reported();
  }
}
