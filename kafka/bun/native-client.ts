import { CString, ptr, read } from "bun:ffi";
import type { BrokerNews } from "../broker-news.ts";
import { codeOf, ERR } from "../error-codes.ts";
import { KafkaError } from "../kafka.ts";
import type { Properties } from "../properties.ts";
import { createConf } from "./conf.ts";
import type { OpenLibrary } from "./library.ts";
import { EVENT, type Librdkafka, type Ptr } from "./symbols.ts";
import { createWakeup, type Wakeup } from "./wakeup.ts";

const MAIN_QUEUE = 1;
/** A client that reaches nobody says so up to twenty times a second. */
const NAME_AGAIN_MS = 1_000;

/**
 * One rd_kafka_t with its event queue: what producer, consumer and admin share. Logs, errors and statistics are
 * handled here; every other event goes to `onEvent`, which must not keep the pointer.
 */
export class NativeClient {
  readonly rd: Librdkafka;
  readonly rk: Ptr;
  /** Logs, errors, statistics, delivery reports and answers to requests; of a consumer not its group's events. */
  readonly queue: Ptr;
  readonly #wakeup: Wakeup;
  readonly #onEvent: (type: number, event: Ptr) => void;
  readonly #news: BrokerNews;
  readonly #brokers: string;
  #fatal: KafkaError | undefined;
  #connected = false;
  #namedAt = 0;
  #destroyed = false;

  /** @throws KafkaError INVALID if librdkafka refuses the properties */
  constructor(
    library: OpenLibrary,
    type: number,
    properties: Properties,
    news: BrokerNews,
    onEvent: (type: number, event: Ptr) => void,
    /** Told which queues became non-empty (the numbers given to `wakeOn`). By default the main queue is drained. */
    onWake: (queues: Uint8Array) => void = () => this.drain(),
  ) {
    this.rd = library.rd;
    this.#onEvent = onEvent;
    this.#news = news;
    this.#brokers = String(properties["bootstrap.servers"]);
    const conf = createConf(this.rd, properties);
    const reason = Buffer.alloc(512);
    const rk = this.rd.rd_kafka_new(type, conf, ptr(reason), 512) as Ptr | null;
    if (!rk) {
      this.rd.rd_kafka_conf_destroy(conf); // rd_kafka_new takes it only when it succeeds
      throw new KafkaError("INVALID", reason.toString("utf8", 0, reason.indexOf(0)));
    }
    this.rk = rk;
    this.queue = this.rd.rd_kafka_queue_get_main(rk) as Ptr;
    this.rd.rd_kafka_set_log_queue(rk, null);
    this.#wakeup = createWakeup(library.libc, (queues) => {
      if (!this.#destroyed) onWake(queues);
    });
    this.wakeOn(this.queue, MAIN_QUEUE);
    // A queue wakes us when it becomes non-empty. What librdkafka put into it before we listened (a word about a property,
    // a broker that refused at once) would keep it non-empty, and us asleep, for ever.
    setImmediate(() => this.drain());
  }

  /** Lets a queue wake the event loop when it becomes non-empty. `number` (2–255) says which one it was. */
  wakeOn(queue: Ptr, number: number): void {
    this.rd.rd_kafka_queue_io_event_enable(queue, this.#wakeup.fd, ptr(new Uint8Array([number])), 1);
  }

  get connected(): boolean {
    return this.#connected;
  }

  get destroyed(): boolean {
    return this.#destroyed;
  }

  /** Set once the client can never work again. */
  get fatal(): KafkaError | undefined {
    return this.#fatal;
  }

  /** A broker answered just now, which is better news than the last statistics. */
  answered(): void {
    this.#connected = true;
    this.#news.reachable();
  }

  /** Handles everything that waits in the queue, without blocking. */
  drain(queue: Ptr = this.queue): void {
    while (!this.#destroyed) {
      const event = this.rd.rd_kafka_queue_poll(queue, 0) as Ptr | null;
      if (!event) return;
      try {
        this.#handle(this.rd.rd_kafka_event_type(event), event);
      } finally {
        this.rd.rd_kafka_event_destroy(event);
      }
    }
  }

  /** Frees a queue that was given to `wakeOn`. */
  releaseQueue(queue: Ptr): void {
    // Threads that outlive us must not write into a descriptor that is somebody else's by then.
    this.rd.rd_kafka_queue_io_event_enable(queue, -1, null, 0);
    this.rd.rd_kafka_queue_destroy(queue);
  }

  /** Stops librdkafka's threads and frees everything. Queues of the caller's must be released before. */
  destroy(flags: number): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.releaseQueue(this.queue);
    this.rd.rd_kafka_destroy_flags(this.rk, flags);
    this.#wakeup.close();
  }

  #handle(type: number, event: Ptr): void {
    if (type === EVENT.LOG) this.#onLog(event);
    else if (type === EVENT.ERROR) this.#onError(event);
    else if (type === EVENT.STATS) this.#onStatistics(event);
    else this.#onEvent(type, event);
  }

  #onStatistics(event: Ptr): void {
    // Only a broker's state is written in capitals; parsing the whole document would cost a hundred times more.
    this.#connected = this.rd.rd_kafka_event_stats(event)?.includes('"state":"UP"') ?? false;
    if (this.#connected) this.#news.reachable();
    else this.#nameBrokersAgain();
  }

  /**
   * Since 2.10 librdkafka forgets the brokers that an answer of the cluster does not name. One that names none, because for a
   * moment every broker was fenced, leaves it without anybody to ask, for good (librdkafka #5301). Brokers that it knows are
   * not added twice.
   */
  #nameBrokersAgain(): void {
    const now = performance.now();
    if (now - this.#namedAt < NAME_AGAIN_MS) return;
    this.#namedAt = now;
    this.rd.rd_kafka_brokers_add(this.rk, this.#brokers);
  }

  #onError(event: Ptr): void {
    const native = this.rd.rd_kafka_event_error(event);
    if (native === ERR.ALL_BROKERS_DOWN) {
      this.#connected = false;
      this.#news.unreachable();
      this.#nameBrokersAgain();
      return;
    }
    const fatal = this.rd.rd_kafka_event_error_is_fatal(event) !== 0;
    if (fatal && this.#fatal === undefined) {
      const reason = Buffer.alloc(512);
      const cause = this.rd.rd_kafka_fatal_error(this.rk, ptr(reason), 512);
      const code = codeOf(cause) === "FENCED" ? "FENCED" : "FATAL";
      this.#fatal = new KafkaError(code, reason.toString("utf8", 0, reason.indexOf(0)), cause);
    }
    this.#news.error(this.rd.rd_kafka_event_error_string(event) ?? String(native), fatal);
  }

  #onLog(event: Ptr): void {
    const out = new BigUint64Array(3);
    const at = ptr(out);
    if (this.rd.rd_kafka_event_log(event, at, (at + 8) as Ptr, (at + 16) as Ptr) !== 0) return;
    const [facility, message] = [cString(read.ptr(at, 0)), cString(read.ptr(at, 8))];
    this.#news.line(read.i32(at, 16), facility, message);
  }
}

/** The text behind a `const char *`. */
export function cString(pointer: number): string {
  return pointer === 0 ? "" : String(new CString(pointer as Ptr));
}
