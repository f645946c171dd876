import type { IncomingRecord, TopicPartition } from "../../kafka/kafka.ts";

/** A record that no retry can help, and why. It goes to the dead letters; the rest of its batch goes on. */
export interface Rejected {
  readonly record: IncomingRecord;
  readonly error: unknown;
}

/**
 * What happens to records that keep failing for a transient or unknown reason.
 * wait: retried until it works, with an alert; their partitions make no progress meanwhile (nothing that was promised may end
 * as a dead letter because a database was away). dead-letter: after the retries they become dead letters and the rest goes on.
 */
export type FailurePolicy = "wait" | "dead-letter";

/**
 * Records that a role holds because they cannot be handled yet, while later ones go on. The group's offset stays at the first
 * of them: after a restart they are read again, and so is everything behind them.
 */
export interface HeldRecords {
  /** Offset of the partition's first record that waits. */
  firstOf(partition: TopicPartition): number | undefined;
  /** It is time to try again: `handle` is called, with no records if none have come. `nowMs`: by `performance.now()`. */
  due(nowMs: number): boolean;
  /** Partitions with too many held records: they are paused while they are returned here. Absent: no such limit. */
  overfull?(): readonly TopicPartition[];
  /** The group gave these partitions to another member, which reads their records again. */
  revoked(partitions: readonly TopicPartition[]): void;
}

/**
 * `paceMs` of the roles of orders, milliseconds. An order passes seven of them, so under load it takes a quarter of a second
 * longer. Records that arrive meanwhile share a transaction and a produce request, and those of one order share a row update.
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
   * Shortest time between the starts of two batches under load, milliseconds; records that come meanwhile join the batch. After
   * a batch of few records the next one starts sooner (runner.ts). Replaces `lingerMs`.
   */
  readonly paceMs?: number;
  /** Batches at work at the same time. 1 keeps the order within a partition. */
  readonly concurrency: number;
  /** Absent: every batch is dealt with as a whole. */
  readonly waiting?: HeldRecords;
  /**
   * Handles the records and resolves when the effects are safe; then the offsets are committed. After a failure or a crash it
   * is called again with the same records, so it must be idempotent. `signal`: the process is stopping; long pauses should end.
   * @returns records that become dead letters at once
   */
  handle(records: readonly IncomingRecord[], signal: AbortSignal): Promise<readonly Rejected[]>;
}
