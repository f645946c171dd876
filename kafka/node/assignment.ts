import type { ConsumerOptions, TopicPartition } from "../kafka.ts";
import { keyOf } from "../partitions.ts";
import type { NativeConsumer } from "./addon.ts";

/**
 * The partitions that the group assigned to this consumer, as librdkafka knows them at this moment.
 *
 * The addon can report rebalances through a callback, but only in sequence with fetched records: the group would wait for a
 * member that is busy with a batch, and a consumer that stopped polling would never hear that it lost its partitions. Without a
 * callback librdkafka assigns and revokes partitions at once by itself, and is asked for the assignment (about 10 µs).
 */
export class GroupAssignment {
  readonly #native: NativeConsumer;
  readonly #tell: NonNullable<ConsumerOptions["onRebalance"]>;
  #owned = new Map<string, TopicPartition>();

  constructor(native: NativeConsumer, tell: NonNullable<ConsumerOptions["onRebalance"]>) {
    this.#native = native;
    this.#tell = tell;
  }

  list(): TopicPartition[] {
    return [...this.#owned.values()];
  }

  has(partition: TopicPartition): boolean {
    return this.#owned.has(keyOf(partition));
  }

  /** Asks librdkafka and reports the changes since the last time. */
  refresh(): void {
    const found = this.#native.assignments();
    // A number is an error: the consumer does not exist yet, or does not exist any more.
    if (typeof found !== "number") this.#become(found.map(({ topic, partition }) => ({ topic, partition })));
  }

  /** Partitions that were lost and assigned again between two questions count as lost. */
  returned(partitions: readonly TopicPartition[]): void {
    this.#tell("revoked", partitions);
    this.#tell("assigned", partitions);
  }

  /** The consumer is closed. */
  clear(): void {
    this.#become([]);
  }

  #become(partitions: readonly TopicPartition[]): void {
    const before = this.#owned;
    this.#owned = new Map(partitions.map((partition) => [keyOf(partition), partition]));
    const lost = [...before.values()].filter((partition) => !this.has(partition));
    const won = partitions.filter((partition) => !before.has(keyOf(partition)));
    if (lost.length > 0) this.#tell("revoked", lost);
    if (won.length > 0) this.#tell("assigned", won);
  }
}
