import { codeOf } from "../error-codes.ts";
import { type Bytes, type Compression, KafkaError, type OutgoingRecord } from "../kafka.ts";
import { takeError } from "./errors.ts";
import { addressOf, lend, Memory } from "./memory.ts";
import type { Librdkafka, Ptr } from "./symbols.ts";

const ANY_PARTITION = -1;
/** RD_KAFKA_MSG_F_COPY: librdkafka copies the bytes before it returns. */
const COPY = 0x2;
/** sizeof(rd_kafka_vu_t): a tag and a union padded to 64 bytes. */
const FIELD_BYTES = 72;
/** Topic, partition, flags, opaque, value and key. */
const FIXED_FIELDS = 6;
const VTYPE = { RKT: 2, PARTITION: 3, VALUE: 4, KEY: 5, OPAQUE: 6, MSGFLAGS: 7, HEADER: 9 } as const;
const SCRATCH_BYTES = 64 * 1024;
/** UTF-8 needs at most three bytes for a UTF-16 unit. */
const MOST_BYTES_PER_UNIT = 3;

const encoder = new TextEncoder();

/**
 * The bytes of one argument. Texts are written into memory that the next record uses again. Larger texts, and the caller's bytes, are
 * held until `release`.
 */
class Argument {
  readonly #scratch = new Memory(SCRATCH_BYTES);
  #held: Uint8Array | null = null;
  #written = 0;
  #isMissing = true;

  place(bytes: Bytes | null | undefined): void {
    this.#isMissing = bytes === null || bytes === undefined;
    this.#held = null;
    if (bytes === null || bytes === undefined) this.#written = 0;
    else if (typeof bytes === "string" && bytes.length * MOST_BYTES_PER_UNIT <= SCRATCH_BYTES) {
      this.#written = encoder.encodeInto(bytes, this.#scratch.bytes).written;
    } else this.#held = typeof bytes === "string" ? encoder.encode(bytes) : bytes;
  }

  get length(): number {
    return this.#held === null ? this.#written : this.#held.length;
  }

  /**
   * Valid for the next call only. Read it (and the length) last, so that a resizable or transferable buffer of the caller cannot
   * change between this and the call.
   */
  address(): Ptr | null {
    if (this.#isMissing) return null;
    // An empty value differs from a missing one, so it needs an address too.
    return this.#held === null || this.length === 0 ? this.#scratch.at : addressOf(this.#held);
  }

  /** After the call. */
  release(): void {
    this.#held = null;
  }
}

/** Hands records to librdkafka: strings are encoded into reused memory, so that a record costs no allocation. */
export class RecordWriter {
  readonly #rd: Librdkafka;
  readonly #rk: Ptr;
  readonly #topics = new Map<string, Ptr>();
  readonly #value = new Argument();
  readonly #key = new Argument();

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
    const { partition = ANY_PARTITION, headers } = record;
    const [value, key] = [this.#value, this.#key];
    value.place(record.value);
    key.place(record.key);
    try {
      if (headers !== undefined) return this.#writeWithHeaders(topic, record.topic, partition, headers, opaque);
      const result = this.#rd.rd_kafka_produce(
        topic,
        partition,
        COPY,
        value.address(),
        value.length,
        key.address(),
        key.length,
        opaque as Ptr,
      );
      if (result === 0) return null;
      const native = this.#rd.rd_kafka_last_error();
      return new KafkaError(codeOf(native), `${record.topic}: ${this.#rd.rd_kafka_err2str(native)}`, native);
    } finally {
      value.release();
      key.release();
    }
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

  /** Null (the producer's settings), or a copy of the settings with the topic's compression. */
  #topicConf(name: string): Ptr | null {
    const compression = this.topicCompression[name];
    if (compression === undefined) return null;
    const conf = this.#rd.rd_kafka_default_topic_conf_dup(this.#rk) as Ptr;
    this.#rd.rd_kafka_topic_conf_set(conf, "compression.type", compression, null, 0);
    return conf;
  }

  /**
   * Headers need the call that takes a list of tagged fields (rd_kafka_vu_t). They lie behind the list, in one piece of
   * memory.
   */
  #writeWithHeaders(
    topic: Ptr,
    topicName: string,
    partition: number,
    headers: Readonly<Record<string, Bytes>>,
    opaque: number,
  ): KafkaError | null {
    const parts = Object.entries(headers).map(([name, content]) => ({
      name: encoder.encode(`${name}\0`),
      content: typeof content === "string" ? encoder.encode(content) : content,
    }));
    const count = FIXED_FIELDS + parts.length;
    const bytes = parts.reduce((sum, { name, content }) => sum + name.length + content.length, count * FIELD_BYTES);
    const memory = new Memory(bytes);
    let [at, free] = [0, count * FIELD_BYTES];
    const field = (type: number, ...words: number[]) => {
      memory.view.setInt32(at, type, true);
      words.forEach((word, i) => {
        memory.setWord(at + 8 + i * 8, word);
      });
      at += FIELD_BYTES;
    };
    const copied = (content: Uint8Array): number => {
      const start = free;
      memory.bytes.set(content, start);
      free += content.length;
      return memory.at + start;
    };
    for (const { name, content } of parts) field(VTYPE.HEADER, copied(name), copied(content), content.length);
    const [value, key] = [this.#value, this.#key];
    field(VTYPE.RKT, topic);
    field(VTYPE.PARTITION, partition);
    field(VTYPE.MSGFLAGS, COPY);
    field(VTYPE.OPAQUE, opaque);
    field(VTYPE.VALUE, value.address() ?? 0, value.length);
    field(VTYPE.KEY, key.address() ?? 0, key.length);
    const error = lend(memory.bytes, (fields) => this.#rd.rd_kafka_produceva(this.#rk, fields, count));
    return takeError(this.#rd, error, topicName);
  }
}
