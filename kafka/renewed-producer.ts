import type { Kafka, Producer, ProducerOptions, ProducerStats } from "./kafka.ts";

/** Milliseconds for which a client may fail without one acknowledgement. */
export interface RenewalLimits {
  /**
   * While a broker is connected, which is no outage. After a broker was frozen for longer than message.timeout.ms, librdkafka's
   * idempotent producer sometimes never sends again (seen once in twenty times, with 2.15.1).
   */
  readonly connectedMs: number;
  /**
   * Without a connected broker it is most likely an outage, which a new client does not end. But a client can also have
   * forgotten all brokers for ever (librdkafka #5301), and on Node there is no call that adds them again.
   */
  readonly disconnectedMs: number;
}

/** 3 and 12 times the usual message timeout of 10 s, so that a slow broker alone does not replace a client. */
export const PATIENCE: RenewalLimits = { connectedMs: 30_000, disconnectedMs: 120_000 };
const LOOK_MS = 1_000;

/** Judges a client by its counts, at regular intervals. */
export class ProducerProgress {
  #before: ProducerStats;
  /** The time since which records fail and none is acknowledged. */
  #failingSince: number | undefined;
  #connectedSince: number | undefined;

  constructor(
    first: ProducerStats,
    private readonly patience: RenewalLimits,
  ) {
    this.#before = first;
  }

  /** @returns why the client must be replaced, or null. `atMs`: now, by a monotonic clock */
  look(now: ProducerStats, atMs: number): string | null {
    const failed = now.failed > this.#before.failed;
    if (now.acknowledged > this.#before.acknowledged) this.#failingSince = undefined;
    else if (failed) this.#failingSince ??= atMs;
    if (now.connected) this.#connectedSince ??= atMs;
    else this.#connectedSince = undefined;
    this.#before = now;
    if (now.fatal) return "the client can never send again";
    // An idle client proves nothing. Only a new failure replaces it.
    if (!failed || this.#failingSince === undefined) return null;
    const { connectedMs, disconnectedMs } = this.patience;
    const silentMs = atMs - this.#failingSince;
    const besideBrokerMs = atMs - Math.max(this.#failingSince, this.#connectedSince ?? atMs);
    if (silentMs < disconnectedMs && besideBrokerMs < connectedMs) return null;
    return `records have failed for ${Math.round(silentMs / 1_000)} s and none was acknowledged`;
  }
}

/** Logs renewals. */
export interface RenewalNews {
  renewed(why: string): void;
  /** No new client could be made; the next try is in a second. */
  notRenewed(error: unknown): void;
}

/**
 * A producer that replaces its client when the client can never send again (`fatal`) or delivers nothing. Records under
 * way are rejected with CLOSED and may still arrive: as after a timeout, their sender repeats them or has them in a ledger. A
 * record may then be in the log twice, with the same event id.
 */
export function createRenewedProducer(
  kafka: Pick<Kafka, "producer">,
  options: ProducerOptions,
  tell: RenewalNews,
  patience: RenewalLimits = PATIENCE,
): Producer {
  let current = kafka.producer(options);
  let progress = new ProducerProgress(current.stats(), patience);
  let why: string | null = null;
  const timer = setInterval(() => {
    why ??= progress.look(current.stats(), performance.now());
    if (why === null) return;
    const old = current;
    try {
      current = kafka.producer(options);
    } catch (error) {
      // For example too many open files. The next look tries again. Thrown on, the error would end the process.
      tell.notRenewed(error);
      return;
    }
    progress = new ProducerProgress(current.stats(), patience);
    tell.renewed(why);
    why = null;
    old.close(0).catch(() => {}); // it cannot work again; closing only frees its memory
  }, LOOK_MS);
  timer.unref();

  return {
    send: (record, sendOptions) => current.send(record, sendOptions),
    sendAll: (records, sendOptions) => current.sendAll(records, sendOptions),
    flush: (timeoutMs) => current.flush(timeoutMs),
    stats: () => current.stats(),
    close(timeoutMs) {
      clearInterval(timer);
      return current.close(timeoutMs);
    },
  };
}
