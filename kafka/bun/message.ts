import { read } from "bun:ffi";
import type { IncomingRecord } from "../kafka.ts";
import type { OpenLibrary } from "./library.ts";
import { Memory } from "./memory.ts";
import { cString } from "./native-client.ts";
import type { Ptr } from "./symbols.ts";

/** rd_kafka_message_t on 64-bit machines, byte offsets. A round trip in the contract suite proves it. */
export const MESSAGE = {
  err: 0,
  topic: 8,
  partition: 16,
  payload: 24,
  length: 32,
  key: 40,
  keyLength: 48,
  offset: 56,
  opaque: 64,
} as const;

const NO_HEADERS: Readonly<Record<string, Uint8Array>> = Object.freeze(Object.create(null));

/** Copies fetched messages out of librdkafka's memory. */
export class MessageReader {
  readonly #library: OpenLibrary;
  readonly #out = new Memory(24);
  #topicPointer = 0;
  #topicName = "";

  constructor(library: OpenLibrary) {
    this.#library = library;
  }

  /** A topic's pointer may be reused for another topic later, so names are remembered within one batch only. */
  beginBatch(): void {
    this.#topicPointer = 0;
  }

  /** A copy of the message. The message itself can be destroyed afterwards. */
  read(message: Ptr): IncomingRecord {
    const { rd } = this.#library;
    const topic = read.ptr(message, MESSAGE.topic);
    if (topic !== this.#topicPointer) {
      this.#topicPointer = topic;
      this.#topicName = rd.rd_kafka_topic_name(topic as Ptr) ?? "";
    }
    return {
      topic: this.#topicName,
      partition: read.i32(message, MESSAGE.partition),
      offset: read.ptr(message, MESSAGE.offset),
      key: this.#bytes(read.ptr(message, MESSAGE.key), read.ptr(message, MESSAGE.keyLength)),
      value: this.#bytes(read.ptr(message, MESSAGE.payload), read.ptr(message, MESSAGE.length)),
      headers: this.#headers(message),
      timestamp: Number(rd.rd_kafka_message_timestamp(message, null)),
    };
  }

  #bytes(pointer: number, length: number): Uint8Array | null {
    if (pointer === 0) return null;
    const copy = Buffer.allocUnsafe(length);
    if (length > 0) this.#library.libc.memcpy(copy, pointer as Ptr, length);
    return copy;
  }

  #headers(message: Ptr): Readonly<Record<string, Uint8Array>> {
    const { rd } = this.#library;
    const { at } = this.#out;
    if (rd.rd_kafka_message_headers(message, at) !== 0) return NO_HEADERS;
    const list = this.#out.word(0) as Ptr;
    const headers: Record<string, Uint8Array> = Object.create(null);
    const [name, value, size] = [at, (at + 8) as Ptr, (at + 16) as Ptr];
    for (let i = 0; rd.rd_kafka_header_get_all(list, i, name, value, size) === 0; i++) {
      const content = this.#bytes(this.#out.word(8), this.#out.word(16));
      headers[cString(this.#out.word(0))] = content ?? new Uint8Array(0);
    }
    return headers;
  }
}
