import { codeOf } from "../error-codes.ts";
import { type Bytes, type Compression, KafkaError, type OutgoingRecord } from "../kafka.ts";
import type { Properties } from "../properties.ts";
import type { Addon, NativeProducer } from "./addon.ts";

const ANY_PARTITION = -1;
/** The properties that librdkafka sets per topic. The producer's other properties belong to the client. */
const TOPIC_PROPERTIES = ["acks", "message.timeout.ms", "partitioner", "compression.type"] as const;
/** For the addon a buffer without an address is a missing one, and an empty buffer has no address. */
const EMPTY = Buffer.alloc(1).subarray(0, 0);

/** Hands records to librdkafka, which copies them. */
export class RecordWriter {
  readonly #addon: Addon;
  readonly #producer: NativeProducer;
  readonly #properties: Properties;
  readonly #compression: Readonly<Record<string, Compression>>;
  readonly #introduced = new Set<string>();

  constructor(
    addon: Addon,
    producer: NativeProducer,
    properties: Properties,
    topicCompression: Readonly<Record<string, Compression>> = {},
  ) {
    this.#addon = addon;
    this.#producer = producer;
    this.#properties = properties;
    this.#compression = topicCompression;
  }

  /** Queues one record; `opaque` comes back in its delivery report. Returns why it was not queued, or null. */
  write(record: OutgoingRecord, opaque: number): KafkaError | null {
    const { topic } = record;
    if (this.#compression[topic] !== undefined && !this.#introduced.has(topic)) this.#introduce(topic);
    const headers =
      record.headers === undefined
        ? undefined
        : Object.entries(record.headers).map(([name, content]) => ({ [name]: bytes(content)! }));
    const native = this.#producer.produce(
      topic,
      record.partition ?? ANY_PARTITION,
      bytes(record.value),
      bytes(record.key),
      null,
      opaque,
      headers,
    );
    if (native === 0) return null;
    return new KafkaError(codeOf(native), `${topic}: ${this.#addon.err2str(native)}`, native);
  }

  /**
   * Gives a topic its compression. librdkafka keeps a topic with the settings of its first use, and the addon can pass settings
   * only in a call that loses headers. So the first use is a record above the producer's size limit, which librdkafka refuses
   * without reading it.
   */
  #introduce(topic: string): void {
    this.#introduced.add(topic);
    const settings = TOPIC_PROPERTIES.map((name) => [name, this.#properties[name]]);
    const properties = { ...Object.fromEntries(settings), "compression.type": this.#compression[topic] };
    const tooLarge = Buffer.allocUnsafeSlow(Number(this.#properties["message.max.bytes"]) + 1);
    this.#producer.produce(new this.#addon.Topic(topic, properties), ANY_PARTITION, tooLarge, null, null, 0);
  }
}

function bytes(content: Bytes | null | undefined): Uint8Array | null {
  if (content === null || content === undefined) return null;
  if (content.length === 0) return EMPTY;
  // Bytes and not the text: the addon would end a key at its first NUL.
  return typeof content === "string" ? Buffer.from(content) : content;
}
