import type { Kafka, Producer, ProducerOptions, ProducerStats } from "./kafka.ts";

/** For how long a client may fail without one acknowledgement, milliseconds. */
export interface RenewalLimits {
  /**
   * With a connected broker that is no outage: after a broker was frozen for longer than message.timeout.ms, librdkafka's
   * idempotent producer sometimes never sends again (seen once in twenty times, with 2.15.1).
   */
  readonly connectedMs: number;
  /**
   * Without one it is most likely an outage, which a new client does not end either. But a client can also have forgotten all
   * brokers for good (librdkafka #5301), and under Node nobody can name them to it again.
   */
  readonly disconnectedMs: number;
}

/** Three and twelve of a record's usual ten seconds: a slow broker alone does not cost a client. */
export const PATIENCE: RenewalLimits = { connectedMs: 30_000, disconnectedMs: 120_000 };
const LOOK_MS = 1_000;

/** What a client's counts say of it, looked at again and again. */
export class ProducerProgress {
  #before: ProducerStats;
  /** Since when records fail and none is acknowledged. */
  #failingSince: number | undefined;
  #connectedSince: number | undefined;

  constructor(
    first: ProducerStats,
    private readonly patience: RenewalLimits,
  ) {
    this.#before = first;
  }

  /** @returns why the client is of no use any more; null: it may be. `atMs`: now, by any clock that only goes forward */
  look(now: ProducerStats, atMs: number): string | null {
    const failed = now.failed > this.#before.failed;
    if (now.acknowledged > this.#before.acknowledged) this.#failingSince = undefined;
    else if (failed) this.#failingSince ??= atMs;
    if (now.connected) this.#connectedSince ??= atMs;
    else this.#connectedSince = undefined;
    this.#before = now;
    if (now.fatal) return "the client can never send again";
    // Silence proves nothing: it is a new failure that costs the client.
    if (!failed || this.#failingSince === undefined) return null;
    const { connectedMs, disconnectedMs } = this.patience;
    const silentMs = atMs - this.#failingSince;
    const besideBrokerMs = atMs - Math.max(this.#failingSince, this.#connectedSince ?? atMs);
    if (silentMs < disconnectedMs && besideBrokerMs < connectedMs) return null;
    return `records have failed for ${Math.round(silentMs / 1_000)} s and none was acknowledged`;
  }
}

/** What is said of renewals, for the log. */
export interface RenewalNews {
  renewed(why: string): void;
  /** There could be no new client; it is tried again in a second. */
  notRenewed(error: unknown): void;
}

/**
 * A producer that replaces its client when that one can never send again (`fatal`), or delivers nothing any more. What was under
 * way is rejected with CLOSED and may still arrive: as after a time-out, its sender repeats it or has it in a ledger. A record
 * may then be in the log twice; its event id is the same.
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
      // Too many open files, say. The next look tries again; thrown on, it would end the process.
      tell.notRenewed(error);
      return;
    }
    progress = new ProducerProgress(current.stats(), patience);
    tell.renewed(why);
    why = null;
    old.close(0).catch(() => {}); // it is beyond repair; closing only frees its memory
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
