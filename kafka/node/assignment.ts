import type { ConsumerOptions, TopicPartition } from "../kafka.ts";
import { keyOf } from "../partitions.ts";
import type { NativeConsumer } from "./addon.ts";

/**
 * Which partitions the group gave us, as librdkafka sees it at this moment.
 *
 * The addon could tell of rebalances through a callback, but only in turn with fetched records: a group would wait for
 * whoever is busy with a batch, and a consumer that polls no more would never hear that it lost its partitions. Without a
 * callback librdkafka takes and gives partitions by itself at once, and is asked what it has (about 10 µs).
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

  /** Asks librdkafka and tells what came and went since. */
  refresh(): void {
    const found = this.#native.assignments();
    // A number is an error: the consumer is not made yet, or no longer there.
    if (typeof found !== "number") this.#become(found.map(({ topic, partition }) => ({ topic, partition })));
  }

  /** Partitions that came back before anybody asked were away all the same. */
  returned(partitions: readonly TopicPartition[]): void {
    this.#tell("revoked", partitions);
    this.#tell("assigned", partitions);
  }

  /** The consumer is gone. */
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
