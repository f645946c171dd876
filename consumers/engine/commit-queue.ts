import type { Consumer, TopicPartition } from "../../kafka/kafka.ts";
import { keyOf } from "../../kafka/partitions.ts";

interface Position extends TopicPartition {
  offset: number;
  /** The ownership under which the records were read. */
  readonly tenure: number;
}

/** Positions of one batch: the next offset to read per partition. */
export interface BatchPositions {
  readonly positions: ReadonlyMap<string, Position>;
}

/**
 * Commits explicit offsets, one request at a time; what becomes committable meanwhile goes with the next one. A failed
 * commit is kept and tried again, so the group's lag reaches zero although no further record comes.
 *
 * Tenure: a partition that was taken away and came back starts at what its interim owner committed. A batch read before
 * may end late, and committing its old offsets then would turn the group back; they are dropped instead.
 */
export class CommitQueue {
  readonly #commit: Consumer["commit"];
  readonly #onError: (error: unknown) => void;
  readonly #firstWaiting: (partition: TopicPartition) => number | undefined;
  /** What was committed instead of a pending position, because a record before it waits. */
  readonly #heldAt = new Map<string, number>();
  readonly #tenures = new Map<string, number>();
  readonly #pending = new Map<string, Position>();
  readonly #rest: (() => Promise<unknown>) | undefined;
  #running: Promise<void> | undefined;

  /**
   * @param firstWaiting the first record of a partition that is not dealt with although its batch is done
   * @param rest what is waited for between two commits; see `REST_MS` in runner.ts
   */
  constructor(
    commit: Consumer["commit"],
    onError: (error: unknown) => void,
    firstWaiting: (partition: TopicPartition) => number | undefined = () => undefined,
    rest?: () => Promise<unknown>,
  ) {
    this.#commit = commit;
    this.#onError = onError;
    this.#firstWaiting = firstWaiting;
    this.#rest = rest;
  }

  /**
   * The positions after these records, in the order they were polled. To be called at the poll that brought them: a
   * partition that is taken away before their batch begins must be seen as it was then.
   * @param before what the same batch holds already
   */
  positionsAfter(
    records: readonly (TopicPartition & { readonly offset: number })[],
    before?: BatchPositions,
  ): BatchPositions {
    const positions = new Map(before?.positions);
    let last: Position | undefined;
    for (const { topic, partition, offset } of records) {
      // Records come in runs of one partition; the key is built once a run.
      if (last === undefined || last.partition !== partition || last.topic !== topic) {
        const key = keyOf({ topic, partition });
        const tenure = this.#tenures.get(key) ?? 0;
        last = { topic, partition, offset: 0, tenure };
        positions.set(key, last);
      }
      last.offset = offset + 1;
    }
    return { positions };
  }

  revoked(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) {
      const key = keyOf(partition);
      this.#tenures.set(key, (this.#tenures.get(key) ?? 0) + 1);
      this.#pending.delete(key);
      this.#heldAt.delete(key);
    }
  }

  /** The batch's effects are safe, and those of all batches before it. */
  done({ positions }: BatchPositions): void {
    for (const [key, position] of positions) {
      if (position.tenure === (this.#tenures.get(key) ?? 0)) this.#pending.set(key, position);
    }
    this.#running ??= this.#send().finally(() => {
      this.#running = undefined;
    });
  }

  /** Tries what is pending once more and waits for it. Never rejects. */
  async flush(): Promise<void> {
    await this.#running;
    if (this.#pending.size > 0) await this.#send();
  }

  async #send(): Promise<void> {
    for (;;) {
      const offsets = this.#takeCommittable();
      if (offsets.length === 0) return;
      try {
        await this.#commit(offsets.map(({ topic, partition, offset }) => ({ topic, partition, offset })));
      } catch (error) {
        this.#onError(error);
        for (const position of offsets) {
          const key = keyOf(position);
          this.#heldAt.delete(key);
          const current = position.tenure === (this.#tenures.get(key) ?? 0);
          if (current && !this.#pending.has(key)) this.#pending.set(key, position);
        }
        return; // the next batch, or the runner's idle turn, tries again
      }
      await this.#rest?.();
    }
  }

  /** A position behind a record that waits stays pending, and that record's offset goes out in its place, once. */
  #takeCommittable() {
    const offsets: Position[] = [];
    for (const [key, position] of this.#pending) {
      const offset = Math.min(position.offset, this.#firstWaiting(position) ?? position.offset);
      if (offset === position.offset) {
        this.#pending.delete(key);
        this.#heldAt.delete(key);
      } else if (offset <= (this.#heldAt.get(key) ?? -1)) continue;
      else this.#heldAt.set(key, offset);
      offsets.push({ ...position, offset });
    }
    return offsets;
  }
}
