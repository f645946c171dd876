import type { IncomingRecord, TopicPartition } from "../../kafka/kafka.ts";

/** A record that no retry can help, and why. It goes to the dead letters; the rest of its batch goes on. */
export interface Rejected {
  readonly record: IncomingRecord;
  readonly error: unknown;
}

/**
 * What happens to records that keep failing for a transient or unknown reason.
 * wait: the partitions stand still, with an alert, until it works (nothing that was promised may end as a dead letter
 * because a database was away). dead-letter: after the retries they are put aside and the rest goes on.
 */
export type FailurePolicy = "wait" | "dead-letter";

/**
 * Records that a role keeps in hand because they cannot be dealt with yet, while those behind them go on. The group's
 * offset stays at the first of them, so a restart meets them again (and, once more, whatever came behind).
 */
export interface HeldRecords {
  /** Offset of the partition's first record that waits. */
  firstOf(partition: TopicPartition): number | undefined;
  /** It is time to try again: `handle` is called, with no records if none have come. `nowMs`: by `performance.now()`. */
  due(nowMs: number): boolean;
  /** Partitions of which too much waits: they are paused until they are not named any more. Absent: there is no such limit. */
  overfull?(): readonly TopicPartition[];
  /** The partitions are somebody else's now; what waited there is theirs. */
  revoked(partitions: readonly TopicPartition[]): void;
}

/**
 * `paceMs` of the orders' roles. An order passes seven of them, so it costs a quarter of a second when all are busy; what
 * comes in meanwhile shares a transaction, a produce request and, of the same order, a row.
 */
export const ORDER_PACE_MS = 40;

/** A consumer role: which records it takes and what it does with a batch. */
export interface Role {
  readonly name: string;
  readonly groupId: string;
  readonly topics: readonly string[];
  readonly patience: FailurePolicy;
  /** Records in one batch at most. */
  readonly maxBatch: number;
  /** How long a batch may wait for more records once it has some, milliseconds. */
  readonly lingerMs: number;
  /**
   * Under load a batch begins so long after the one before it at the earliest, milliseconds, whatever comes meanwhile being
   * part of it; after a batch of few records it begins sooner (runner.ts). Instead of `lingerMs`.
   */
  readonly paceMs?: number;
  /** Batches at work at the same time. 1 keeps the order within a partition. */
  readonly concurrency: number;
  /** Absent: every batch is dealt with as a whole. */
  readonly waiting?: HeldRecords;
  /**
   * Does the work and resolves when its effects are safe; offsets are committed after that. Called again with the same
   * records after a failure or a crash, so it must not mind. `signal`: the process is stopping; long pauses should end.
   * @returns records to be put aside at once
   */
  handle(records: readonly IncomingRecord[], signal: AbortSignal): Promise<readonly Rejected[]>;
}
