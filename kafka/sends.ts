import { RecordDeadlines } from "./deadlines.ts";
import { type Ack, KafkaError, type OutgoingRecord, type SendOptions } from "./kafka.ts";
import { GroupSend, PendingTable, SingleSend, type Waiter } from "./pending-sends.ts";

/** Hands records to librdkafka. */
export interface RecordSink {
  /** Why nothing can be sent, or null. */
  refusal(): KafkaError | null;
  /** Queues one record. Its report comes with `number`. Returns why it was not queued, or null. */
  write(record: OutgoingRecord, number: number): KafkaError | null;
  /** Handles the reports that have arrived, then calls `then`. */
  drain(then: () => void): void;
}

/** The records between `send` and their delivery reports: their waiting senders, deadlines and counts. */
export class Sends {
  readonly #sink: RecordSink;
  readonly #maxQueued: number;
  readonly #pending = new PendingTable();
  readonly #deadlines: RecordDeadlines;
  #idle: (() => void)[] = [];
  #sent = 0;
  #acknowledged = 0;
  #failed = 0;

  constructor(sink: RecordSink, maxQueued: number) {
    this.#sink = sink;
    this.#maxQueued = maxQueued;
    this.#deadlines = new RecordDeadlines((then) => sink.drain(then));
  }

  /** `Producer.send` */
  send(record: OutgoingRecord, options?: SendOptions): Promise<Ack> {
    return new Promise((resolve, reject) => {
      const waiter = new SingleSend(record.topic, resolve, reject);
      const refused = this.#enqueue(record, waiter);
      if (refused !== null) reject(refused);
      else if (options?.deadlineMs !== undefined) this.#deadlines.add(waiter, options.deadlineMs);
    });
  }

  /** `Producer.sendAll` */
  sendAll(records: readonly OutgoingRecord[], options?: SendOptions): Promise<void> {
    if (records.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const waiter = new GroupSend(records.length, resolve, reject);
      for (const record of records) {
        const refused = this.#enqueue(record, waiter);
        if (refused !== null) waiter.failed(refused);
      }
      if (!waiter.settled && options?.deadlineMs !== undefined) this.#deadlines.add(waiter, options.deadlineMs);
    });
  }

  /** A report: the record is stored. `offset` −1: its place is not known. */
  acknowledged(number: number, partition: number, offset: number): void {
    this.#acknowledged++;
    this.#pending.take(number)?.acknowledged(partition, offset);
  }

  /** A report: the record is not stored, or the outcome is unknown. */
  failed(number: number, error: KafkaError): void {
    this.#failed++;
    this.#pending.take(number)?.failed(error);
  }

  /** Called after a batch of reports: ends the calls that wait until nothing is under way. */
  reported(): void {
    if (this.#idle.length === 0 || this.#pending.size > 0) return;
    const waiting = this.#idle;
    this.#idle = [];
    for (const done of waiting) done();
  }

  /** `Producer.flush` @throws KafkaError ACK_DEADLINE */
  async flush(timeoutMs: number): Promise<void> {
    if (await this.emptied(timeoutMs)) return;
    throw new KafkaError("ACK_DEADLINE", `${this.#pending.size} records are still queued or in flight`);
  }

  /** Resolves with true when nothing is under way, with false after `timeoutMs`. */
  emptied(timeoutMs: number): Promise<boolean> {
    if (this.#pending.size === 0) return Promise.resolve(true);
    return new Promise((settle) => {
      const done = () => {
        clearTimeout(timer);
        settle(true);
      };
      const timer = setTimeout(() => {
        this.#sink.drain(() => {
          this.#idle = this.#idle.filter((other) => other !== done);
          settle(this.#pending.size === 0);
        });
      }, timeoutMs);
      this.#idle.push(done);
    });
  }

  counts(): { queued: number; sent: number; acknowledged: number; failed: number } {
    return { queued: this.#pending.size, sent: this.#sent, acknowledged: this.#acknowledged, failed: this.#failed };
  }

  /** Rejects everything that is under way and stops the deadlines. */
  end(error: KafkaError): void {
    this.#pending.failAll(error);
    this.#deadlines.clear();
    this.reported();
  }

  #enqueue(record: OutgoingRecord, waiter: Waiter): KafkaError | null {
    const refusal = this.#sink.refusal();
    if (refusal !== null) return refusal;
    if (this.#pending.size >= this.#maxQueued) {
      return new KafkaError("QUEUE_FULL", `${this.#maxQueued} records are queued or in flight already`);
    }
    const number = this.#pending.add(waiter);
    const refused = this.#sink.write(record, number);
    if (refused === null) this.#sent++;
    else this.#pending.take(number);
    return refused;
  }
}
