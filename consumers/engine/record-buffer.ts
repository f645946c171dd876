import type { IncomingRecord, TopicPartition } from "../../kafka/kafka.ts";
import { keyOf } from "../../kafka/partitions.ts";
import type { BatchPositions, CommitQueue } from "./commit-queue.ts";

/** Records of one batch, with the positions as they were when each of them was polled. */
export interface PolledBatch {
  readonly records: readonly IncomingRecord[];
  readonly positions: BatchPositions;
}

/**
 * Records that were polled and are not yet in a batch. When a partition is revoked, its records leave the buffer: its next owner
 * reads them again, and a role that depends on the order of the log (coupon-decide) must not decide later records while
 * another process decides the earlier ones.
 */
export class RecordBuffer {
  readonly #commits: Pick<CommitQueue, "positionsAfter">;
  #records: readonly IncomingRecord[] = [];
  #positions: BatchPositions = { positions: new Map() };

  constructor(commits: Pick<CommitQueue, "positionsAfter">) {
    this.#commits = commits;
  }

  get size(): number {
    return this.#records.length;
  }

  /** To be called at the poll that brought the records. */
  add(records: readonly IncomingRecord[]): void {
    if (records.length === 0) return;
    this.#positions = this.#commits.positionsAfter(records, this.#positions);
    this.#records = this.#records.length === 0 ? records : this.#records.concat(records);
  }

  revoked(partitions: readonly TopicPartition[]): void {
    if (this.#records.length === 0) return;
    const gone = new Set(partitions.map(keyOf));
    this.#records = this.#records.filter((record) => !gone.has(keyOf(record)));
    this.#positions = { positions: new Map([...this.#positions.positions].filter(([key]) => !gone.has(key))) };
  }

  /** All of it, for a batch. */
  take(): PolledBatch {
    const polled = { records: this.#records, positions: this.#positions };
    this.#records = [];
    this.#positions = { positions: new Map() };
    return polled;
  }
}
