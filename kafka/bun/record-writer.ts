import { ptr } from "bun:ffi";
import { codeOf } from "../error-codes.ts";
import { type Bytes, type Compression, KafkaError, type OutgoingRecord } from "../kafka.ts";
import { takeError } from "./errors.ts";
import type { Librdkafka, Ptr } from "./symbols.ts";

const ANY_PARTITION = -1;
/** RD_KAFKA_MSG_F_COPY: librdkafka copies the bytes before it returns. */
const COPY = 0x2;
/** sizeof(rd_kafka_vu_t): a tag and a union padded to 64 bytes. */
const FIELD_BYTES = 72;
const VTYPE = { RKT: 2, PARTITION: 3, VALUE: 4, KEY: 5, OPAQUE: 6, MSGFLAGS: 7, HEADER: 9 } as const;
const SCRATCH_BYTES = 64 * 1024;
/** UTF-8 needs at most three bytes for a UTF-16 unit. */
const MOST_BYTES_PER_UNIT = 3;

const encoder = new TextEncoder();

/** Bytes in C's hands: valid until the next `place` of the same scratch. */
class Scratch {
  readonly #buffer = new Uint8Array(SCRATCH_BYTES);
  readonly #start = ptr(this.#buffer);
  pointer: Ptr | null = null;
  length = 0;

  place(bytes: Bytes | null | undefined): void {
    if (bytes === null || bytes === undefined) {
      this.pointer = null;
      this.length = 0;
    } else if (typeof bytes === "string" && bytes.length * MOST_BYTES_PER_UNIT <= SCRATCH_BYTES) {
      this.length = encoder.encodeInto(bytes, this.#buffer).written;
      this.pointer = this.#start;
    } else {
      const view = typeof bytes === "string" ? encoder.encode(bytes) : bytes;
      this.length = view.length;
      // An empty value is not a missing one: it needs an address too.
      this.pointer = view.length === 0 ? this.#start : ptr(view);
    }
  }
}

/** Hands records to librdkafka: strings are encoded into reused memory, so a record costs no allocation of ours. */
export class RecordWriter {
  readonly #rd: Librdkafka;
  readonly #rk: Ptr;
  readonly #topics = new Map<string, Ptr>();
  readonly #value = new Scratch();
  readonly #key = new Scratch();

  constructor(
    rd: Librdkafka,
    rk: Ptr,
    private readonly topicCompression: Readonly<Record<string, Compression>> = {},
  ) {
    this.#rd = rd;
    this.#rk = rk;
  }

  /** Queues one record; `opaque` comes back in its delivery report. Returns why it was not queued, or null. */
  write(record: OutgoingRecord, opaque: number): KafkaError | null {
    const topic = this.#topic(record.topic);
    if (topic === null) return new KafkaError("INVALID", `"${record.topic}" is no topic name`);
    const [value, key] = [this.#value, this.#key];
    value.place(record.value);
    key.place(record.key);
    if (record.headers !== undefined) return this.#writeWithHeaders(topic, record, record.headers, opaque);
    const partition = record.partition ?? ANY_PARTITION;
    const { pointer, length } = value;
    const result = this.#rd.rd_kafka_produce(
      topic,
      partition,
      COPY,
      pointer,
      length,
      key.pointer,
      key.length,
      opaque as Ptr,
    );
    if (result === 0) return null;
    const native = this.#rd.rd_kafka_last_error();
    return new KafkaError(codeOf(native), `${record.topic}: ${this.#rd.rd_kafka_err2str(native)}`, native);
  }

  close(): void {
    for (const topic of this.#topics.values()) this.#rd.rd_kafka_topic_destroy(topic);
    this.#topics.clear();
  }

  #topic(name: string): Ptr | null {
    const known = this.#topics.get(name);
    if (known !== undefined) return known;
    const made = this.#rd.rd_kafka_topic_new(this.#rk, name, this.#topicConf(name)) as Ptr | null;
    if (made) this.#topics.set(name, made);
    return made;
  }

  /** Null, which means the producer's own settings, or a copy of them with the topic's compression. */
  #topicConf(name: string): Ptr | null {
    const compression = this.topicCompression[name];
    if (compression === undefined) return null;
    const conf = this.#rd.rd_kafka_default_topic_conf_dup(this.#rk) as Ptr;
    this.#rd.rd_kafka_topic_conf_set(conf, "compression.type", compression, null, 0);
    return conf;
  }

  /** Headers need the call that takes a list of tagged fields (rd_kafka_vu_t). */
  #writeWithHeaders(
    topic: Ptr,
    record: OutgoingRecord,
    headers: Readonly<Record<string, Bytes>>,
    opaque: number,
  ): KafkaError | null {
    const entries = Object.entries(headers);
    const fields = new DataView(new ArrayBuffer((6 + entries.length) * FIELD_BYTES));
    const kept: Uint8Array[] = []; // keeps the headers' bytes alive until librdkafka has copied them
    let at = 0;
    const field = (type: number, ...words: number[]) => {
      fields.setInt32(at, type, true);
      words.forEach((word, i) => {
        fields.setBigUint64(at + 8 + i * 8, BigInt.asUintN(64, BigInt(word)), true);
      });
      at += FIELD_BYTES;
    };
    const [value, key] = [this.#value, this.#key];
    field(VTYPE.RKT, topic);
    field(VTYPE.PARTITION, record.partition ?? ANY_PARTITION);
    field(VTYPE.MSGFLAGS, COPY);
    field(VTYPE.VALUE, value.pointer ?? 0, value.length);
    field(VTYPE.KEY, key.pointer ?? 0, key.length);
    field(VTYPE.OPAQUE, opaque);
    for (const [name, content] of entries) {
      const bytes = typeof content === "string" ? encoder.encode(`${content}\0`).subarray(0, -1) : content;
      const cName = encoder.encode(`${name}\0`);
      const held = bytes.length === 0 ? cName : bytes; // an empty header still needs an address
      kept.push(cName, held);
      field(VTYPE.HEADER, ptr(cName), ptr(held), bytes.length);
    }
    const error = this.#rd.rd_kafka_produceva(this.#rk, ptr(fields), 6 + entries.length);
    kept.length = 0;
    return takeError(this.#rd, error, record.topic);
  }
}
