import {
  type Ack,
  KafkaError,
  type OutgoingRecord,
  type Producer,
  type ProducerOptions,
  type ProducerStats,
  type SendOptions,
} from "./kafka.ts";
import { DEFAULT_MAX_QUEUED } from "./properties.ts";
import { Sends } from "./sends.ts";

const CLOSE_LIMIT_MS = 10_000;

/** The part of a producer that both runtimes share: it refuses sends after the end, tracks waiting senders, and closes once. */
export abstract class BaseProducer implements Producer {
  protected readonly sends: Sends;
  #closing: Promise<void> | undefined;

  constructor({ maxQueued = DEFAULT_MAX_QUEUED }: ProducerOptions) {
    const sink = {
      refusal: () => (this.#closing === undefined ? (this.fatal ?? null) : producerClosed()),
      write: (record: OutgoingRecord, number: number) => this.write(record, number),
      drain: (then: () => void) => this.drain(then),
    };
    this.sends = new Sends(sink, maxQueued);
  }

  send(record: OutgoingRecord, options?: SendOptions): Promise<Ack> {
    return this.sends.send(record, options);
  }

  sendAll(records: readonly OutgoingRecord[], options?: SendOptions): Promise<void> {
    return this.sends.sendAll(records, options);
  }

  async flush(timeoutMs: number): Promise<void> {
    if (this.#closing !== undefined) throw producerClosed();
    await this.sends.flush(timeoutMs);
  }

  stats(): ProducerStats {
    return { ...this.sends.counts(), connected: this.connected, fatal: this.fatal !== undefined };
  }

  close(timeoutMs = CLOSE_LIMIT_MS): Promise<void> {
    this.#closing ??= this.end(timeoutMs);
    return this.#closing;
  }

  /** Set once the client can never work again. */
  protected abstract get fatal(): KafkaError | undefined;
  /** A broker connection is up. */
  protected abstract get connected(): boolean;
  /** See RecordSink. */
  protected abstract write(record: OutgoingRecord, number: number): KafkaError | null;
  /** See RecordSink. */
  protected abstract drain(then: () => void): void;
  /** Waits at most `timeoutMs` for reports, ends `sends`, and frees everything. */
  protected abstract end(timeoutMs: number): Promise<void>;
}

export const producerClosed = (): KafkaError => new KafkaError("CLOSED", "the producer is closed");
