import { CString } from "bun:ffi";
import type { BrokerLog } from "../broker-log.ts";
import { codeOf, ERR } from "../error-codes.ts";
import { KafkaError } from "../kafka.ts";
import type { Properties } from "../properties.ts";
import { createConf } from "./conf.ts";
import { destroyInBackground } from "./destroy-client.ts";
import type { OpenLibrary } from "./library.ts";
import { lend, Memory } from "./memory.ts";
import { EVENT, type Librdkafka, type Ptr } from "./symbols.ts";
import { createWakeup, type Wakeup } from "./wakeup.ts";

const MAIN_QUEUE = 1;
/** A client that reaches no broker reports it up to twenty times a second. */
const NAME_AGAIN_MS = 1_000;
/**
 * A queue gives one wakeup, when it becomes non-empty. If that wakeup were lost, the queue would stay non-empty for ever, and
 * callers would wait for ever. So all queues are polled once in this time, milliseconds; an empty one costs a microsecond.
 */
const LOOK_MS = 1_000;

/**
 * One rd_kafka_t with its event queue: what producer, consumer and admin share. Logs, errors and statistics are
 * handled here; every other event goes to `onEvent`, which must not keep the pointer.
 */
export class NativeClient {
  readonly rd: Librdkafka;
  readonly rk: Ptr;
  /** Logs, errors, statistics, delivery reports and answers to requests; of a consumer not its group's events. */
  readonly queue: Ptr;
  readonly #library: OpenLibrary;
  #wakeup: Wakeup;
  #isBroken = false;
  /** The number of each queue that gives wakeups. */
  readonly #numbers = new Map<Ptr, number>();
  readonly #onWake: (queues: Uint8Array) => void;
  readonly #look: ReturnType<typeof setInterval>;
  readonly #onEvent: (type: number, event: Ptr) => void;
  readonly #brokerLog: BrokerLog;
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
    brokerLog: BrokerLog,
    onEvent: (type: number, event: Ptr) => void,
    /** Called with the queues that became non-empty (the numbers given to `wakeOn`). Default: the main queue is drained. */
    onWake: (queues: Uint8Array) => void = () => this.drain(),
  ) {
    this.rd = library.rd;
    this.#library = library;
    this.#onEvent = onEvent;
    this.#onWake = onWake;
    this.#brokerLog = brokerLog;
    this.#brokers = String(properties["bootstrap.servers"]);
    this.#wakeup = this.#createWakeup();
    try {
      this.rk = this.#create(type, properties);
    } catch (error) {
      this.#wakeup.close();
      throw error;
    }
    this.queue = this.rd.rd_kafka_queue_get_main(this.rk) as Ptr;
    this.rd.rd_kafka_set_log_queue(this.rk, null);
    this.wakeOn(this.queue, MAIN_QUEUE);
    // A queue gives a wakeup when it becomes non-empty. Events from before this (a warning about a property, a broker that
    // refused at once) would keep it non-empty, without a wakeup until the next look.
    setImmediate(() => this.drain());
    this.#look = setInterval(() => this.#lookAtAll(), LOOK_MS);
    this.#look.unref();
  }

  #create(type: number, properties: Properties): Ptr {
    const conf = createConf(this.rd, properties);
    const reason = new Memory(512);
    const rk = this.rd.rd_kafka_new(type, conf, reason.at, 512) as Ptr | null;
    if (!rk) {
      this.rd.rd_kafka_conf_destroy(conf); // rd_kafka_new takes it only when it succeeds
      throw new KafkaError("INVALID", reason.text());
    }
    return rk;
  }

  /** Lets a queue wake the event loop when it becomes non-empty. `number` (2–255) says which one it was. */
  wakeOn(queue: Ptr, number: number): void {
    this.#numbers.set(queue, number);
    lend(new Uint8Array([number]), (at) => this.rd.rd_kafka_queue_io_event_enable(queue, this.#wakeup.fd, at, 1));
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

  /** A broker answered just now, which is newer than the last statistics. */
  answered(): void {
    this.#connected = true;
    this.#brokerLog.reachable();
  }

  /** Handles everything that waits in the queue, without blocking. */
  drain(queue: Ptr = this.queue): void {
    while (!this.#destroyed) {
      const event = this.rd.rd_kafka_queue_poll(queue, 0) as Ptr | null;
      if (!event) return;
      try {
        this.#handle(this.rd.rd_kafka_event_type(event), event);
      } catch (error) {
        // A listener's error. Thrown on, it would end the process, or delay the listeners of later events.
        this.#brokerLog.error(`an event was not dealt with: ${error instanceof Error ? error.message : error}`);
      } finally {
        this.rd.rd_kafka_event_destroy(event);
      }
    }
  }

  /** Frees a queue that was given to `wakeOn`. */
  releaseQueue(queue: Ptr): void {
    // librdkafka's threads may live longer; they must not write into a descriptor that was reused by then.
    this.#numbers.delete(queue);
    this.rd.rd_kafka_queue_io_event_enable(queue, -1, null, 0);
    this.rd.rd_kafka_queue_destroy(queue);
  }

  /** Stops librdkafka's threads and frees everything. Queues of the caller's must be released before. */
  async destroy(): Promise<void> {
    if (this.#letGo()) await destroyInBackground(this.#library, this.rk);
  }

  /** Lets librdkafka's threads end by themselves. Queues of the caller's must be released before. */
  abandon(flags: number): void {
    if (this.#letGo()) this.rd.rd_kafka_destroy_flags(this.rk, flags);
  }

  #letGo(): boolean {
    if (this.#destroyed) return false;
    this.#destroyed = true;
    clearInterval(this.#look);
    this.releaseQueue(this.queue);
    this.#wakeup.close();
    return true;
  }

  #createWakeup(): Wakeup {
    return createWakeup(
      this.#library.libc,
      (queues) => {
        if (!this.#destroyed) this.#onWake(queues);
      },
      (why) => {
        this.#isBroken = true;
        this.#brokerLog.error(
          `queues cannot wake the event loop (${why}): they are looked at once a second until they can`,
        );
      },
    );
  }

  #lookAtAll(): void {
    if (this.#isBroken) this.#listenAnew();
    this.#onWake(Uint8Array.from(this.#numbers.values()));
  }

  #listenAnew(): void {
    const broken = this.#wakeup;
    try {
      this.#wakeup = this.#createWakeup();
    } catch {
      return; // no file descriptors, as before; the next look tries again
    }
    this.#isBroken = false;
    for (const [queue, number] of this.#numbers) this.wakeOn(queue, number);
    broken.close();
  }

  #handle(type: number, event: Ptr): void {
    if (type === EVENT.LOG) this.#onLog(event);
    else if (type === EVENT.ERROR) this.#onError(event);
    else if (type === EVENT.STATS) this.#onStatistics(event);
    else this.#onEvent(type, event);
  }

  #onStatistics(event: Ptr): void {
    // Only a broker's state is written in capitals. Parsing the whole document would cost a hundred times as much.
    this.#connected = this.rd.rd_kafka_event_stats(event)?.includes('"state":"UP"') ?? false;
    if (this.#connected) this.#brokerLog.reachable();
    else this.#nameBrokersAgain();
  }

  /**
   * Since 2.10 librdkafka forgets the brokers that a metadata answer does not name. An answer that names none, because every
   * broker was fenced for a moment, leaves it without a broker for ever (librdkafka #5301). Brokers that it knows are
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
      this.#brokerLog.unreachable();
      this.#nameBrokersAgain();
      return;
    }
    const fatal = this.rd.rd_kafka_event_error_is_fatal(event) !== 0;
    if (fatal && this.#fatal === undefined) {
      const reason = new Memory(512);
      const cause = this.rd.rd_kafka_fatal_error(this.rk, reason.at, 512);
      const code = codeOf(cause) === "FENCED" ? "FENCED" : "FATAL";
      this.#fatal = new KafkaError(code, reason.text(), cause);
    }
    this.#brokerLog.error(this.rd.rd_kafka_event_error_string(event) ?? String(native), fatal);
  }

  #onLog(event: Ptr): void {
    const out = new Memory(24);
    if (this.rd.rd_kafka_event_log(event, out.at, (out.at + 8) as Ptr, (out.at + 16) as Ptr) !== 0) return;
    const [facility, message] = [cString(out.word(0)), cString(out.word(8))];
    this.#brokerLog.line(out.int(16), facility, message);
  }
}

/** The text behind a `const char *`. */
export function cString(pointer: number): string {
  return pointer === 0 ? "" : String(new CString(pointer as Ptr));
}
