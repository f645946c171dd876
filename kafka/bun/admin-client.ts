import { read } from "bun:ffi";
import type { BrokerLog } from "../broker-log.ts";
import { codeOf } from "../error-codes.ts";
import { type ClientOptions, KafkaError } from "../kafka.ts";
import { adminProperties } from "../properties.ts";
import { blocking } from "./blocking-call.ts";
import type { OpenLibrary } from "./library.ts";
import { lend, Memory } from "./memory.ts";
import { NativeClient } from "./native-client.ts";
import { type Librdkafka, PRODUCER, type Ptr } from "./symbols.ts";

const REQUEST_TIMEOUT_MS = 10_000;
/** Milliseconds that the broker may take to carry out a change before it answers. */
const OPERATION_TIMEOUT_MS = 5_000;
/** librdkafka answers within its timeout. This limit is for an answer that is lost: its caller must not wait for ever. */
const LOST_AFTER_MS = REQUEST_TIMEOUT_MS + OPERATION_TIMEOUT_MS + 5_000;
const ANY_OPERATION = 0;

interface Request {
  answered(event: Ptr): void;
  failed(error: KafkaError): void;
}

/** One line of an answer to create, delete or alter. */
export interface TopicResult {
  readonly name: string;
  readonly err: number;
  readonly text: string;
}

/** Sends requests of librdkafka's admin API. The answers come as events and are matched with the requests. */
export class AdminClient {
  readonly rd: Librdkafka;
  readonly #client: NativeClient;
  readonly #requests = new Map<number, Request>();
  #next = 1;

  constructor(library: OpenLibrary, options: ClientOptions, brokerLog: BrokerLog) {
    this.rd = library.rd;
    this.#client = new NativeClient(library, PRODUCER, adminProperties(options), brokerLog, (_type, event) =>
      this.#onEvent(event),
    );
  }

  get rk(): Ptr {
    return this.#client.rk;
  }

  /**
   * @param submit makes the request. Its memory may be freed when it returns
   * @param answer reads the result out of the event
   */
  request<T>(what: string, submit: (options: Ptr, queue: Ptr) => void, answer: (event: Ptr) => T): Promise<T> {
    if (this.#client.destroyed) return Promise.reject(closed());
    return new Promise((resolve, reject) => {
      const number = this.#next++;
      const lost = setTimeout(() => {
        this.#requests.delete(number);
        reject(new KafkaError("UNAVAILABLE", `${what}: no answer within ${LOST_AFTER_MS} ms`));
      }, LOST_AFTER_MS);
      this.#requests.set(number, {
        failed: (error) => {
          clearTimeout(lost);
          reject(error);
        },
        answered: (event) => {
          clearTimeout(lost);
          const native = this.rd.rd_kafka_event_error(event);
          if (native === 0) {
            try {
              resolve(answer(event));
            } catch (error) {
              reject(error);
            }
          } else
            reject(new KafkaError(codeOf(native), `${what}: ${this.rd.rd_kafka_event_error_string(event)}`, native));
        },
      });
      const options = this.rd.rd_kafka_AdminOptions_new(this.rk, ANY_OPERATION) as Ptr;
      this.rd.rd_kafka_AdminOptions_set_request_timeout(options, REQUEST_TIMEOUT_MS, null, 0);
      this.rd.rd_kafka_AdminOptions_set_operation_timeout(options, OPERATION_TIMEOUT_MS, null, 0);
      this.rd.rd_kafka_AdminOptions_set_opaque(options, number as Ptr);
      try {
        submit(options, this.#client.queue);
      } catch (error) {
        this.#requests.delete(number);
        clearTimeout(lost);
        reject(error);
      } finally {
        this.rd.rd_kafka_AdminOptions_destroy(options);
      }
    });
  }

  /** @see blocking */
  blocking(what: string, timeoutMs: number, call: (blockMs: number) => number): Promise<void> {
    return blocking(this.#client, what, timeoutMs, call);
  }

  async close(): Promise<void> {
    this.#client.drain();
    for (const request of this.#requests.values()) request.failed(closed());
    this.#requests.clear();
    await this.#client.destroy();
  }

  #onEvent(event: Ptr): void {
    const number = Number(this.rd.rd_kafka_event_opaque(event) ?? 0);
    const request = this.#requests.get(number);
    this.#requests.delete(number);
    request?.answered(event);
  }
}

/** Runs a call that takes many objects: with a C array of pointers to them. */
export function withPointers<T>(pointers: readonly Ptr[], use: (array: Ptr) => T): T {
  return lend(
    BigUint64Array.from(pointers, (pointer) => BigInt(pointer)),
    use,
  );
}

/** What a function `f(result, size_t *count)` returns: an array of pointers. */
export function readPointers(list: (count: Ptr) => Ptr | bigint | null): Ptr[] {
  const count = new Memory(8);
  const start = list(count.at) as Ptr | null;
  return Array.from({ length: count.word(0) }, (_, i) => read.ptr(start as Ptr, i * 8) as Ptr);
}

const closed = () => new KafkaError("CLOSED", "the admin client is closed");
