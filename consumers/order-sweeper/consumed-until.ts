import type { PartitionLag } from "../../kafka/kafka.ts";

/** Where a topic ended at a moment; what was sent before lies below. */
interface Mark {
  readonly at: number;
  readonly ends: ReadonlyMap<number, number>;
}

/**
 * Until when a group has consumed a topic: everything that was sent before that moment is behind it. The record of a certain
 * command is not known (its partition would have to be guessed), so the whole topic is looked at: its ends are remembered,
 * and once the group has passed them all, so has it passed what was sent before they were read.
 */
export class ConsumedUntil {
  #until = 0;
  #mark: Mark | undefined;

  /** @param lags of all partitions, read after `now`. @returns milliseconds since 1970; 0: not known yet */
  look(lags: readonly PartitionLag[], now: number): number {
    const passed = (ends: ReadonlyMap<number, number>) =>
      lags.every(({ partition, committed }) => Math.max(0, committed) >= (ends.get(partition) ?? 0));
    const ends = new Map(lags.map(({ partition, end }) => [partition, end]));
    if (passed(ends)) {
      this.#until = now;
      this.#mark = undefined;
    } else if (this.#mark === undefined || passed(this.#mark.ends)) {
      if (this.#mark !== undefined) this.#until = this.#mark.at;
      this.#mark = { at: now, ends };
    }
    return this.#until;
  }
}
