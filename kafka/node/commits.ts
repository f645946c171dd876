import { setTimeout as sleep } from "node:timers/promises";
import { KafkaError, type TopicPartitionOffset } from "../kafka.ts";
import type { Addon, NativeConsumer, NativePartition } from "./addon.ts";
import type { GroupAssignment } from "./assignment.ts";
import { called, kafkaError } from "./errors.ts";

/** Milliseconds for which a commit is retried that the broker refuses. */
const COMMIT_LIMIT_MS = 5_000;
/** Milliseconds of one request to the broker; it holds a worker thread. */
const LOOK_MS = 1_000;
/** Milliseconds for which a broker that does not answer is asked again: a rebalance on a busy machine delays the answer. */
const ASK_LIMIT_MS = 2_500;
const PAUSE_MS = 100;

/**
 * Stores offsets. The addon begins a commit without waiting for its outcome (`commitCb` too), so the stored offsets are read
 * afterwards. The broker answers in order, so they show whether the commit was stored or refused.
 */
export class Commits {
  readonly #addon: Addon;
  readonly #native: NativeConsumer;
  readonly #assignment: GroupAssignment;
  /** One at a time: more would hold more worker threads while the broker is away. */
  #last: Promise<void> = Promise.resolve();
  #ended: KafkaError | undefined;

  constructor(addon: Addon, native: NativeConsumer, assignment: GroupAssignment) {
    this.#addon = addon;
    this.#native = native;
    this.#assignment = assignment;
  }

  /** @throws KafkaError (as a rejection), but never because a partition was lost meanwhile */
  commit(offsets: readonly TopicPartitionOffset[]): Promise<void> {
    const outcome = this.#last.then(() => this.#store(offsets));
    this.#last = outcome.catch(() => {});
    return outcome;
  }

  /** Commits that are not stored by now fail. Resolves when no worker thread uses the consumer. */
  end(error: KafkaError): Promise<void> {
    this.#ended = error;
    return this.#last;
  }

  async #store(offsets: readonly TopicPartitionOffset[]): Promise<void> {
    const begun = performance.now();
    for (;;) {
      if (this.#ended !== undefined) throw this.#ended;
      this.#assignment.refresh();
      // The broker would accept an offset for a partition that another member owns by now, and that member would read again.
      const owned = offsets.filter((offset) => this.#assignment.has(offset));
      try {
        if (owned.length === 0 || (await this.#stored(owned))) return;
      } catch (error) {
        const mayPass = error instanceof KafkaError && error.retryable;
        if (!mayPass || performance.now() - begun > ASK_LIMIT_MS) throw error;
      }
      // Refused while the group rebalances: either the partition stays assigned and a retry works, or it is lost.
      if (performance.now() - begun > COMMIT_LIMIT_MS)
        throw new KafkaError("UNAVAILABLE", "commit: the broker does not take the offsets");
      await sleep(PAUSE_MS);
    }
  }

  /** @throws KafkaError where the broker cannot be asked */
  async #stored(offsets: readonly TopicPartitionOffset[]): Promise<boolean> {
    const native = this.#native.commit(offsets);
    if (native !== 0) throw kafkaError(this.#addon, native, "commit");
    const stored = await called<NativePartition[]>("commit", (done) => this.#native.committed(offsets, LOOK_MS, done));
    return offsets.every(({ offset }, i) => stored[i]?.offset === offset);
  }
}
