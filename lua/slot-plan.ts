import { StampedeError } from "../contracts/wire/errors.ts";

/** Which slots a rebuilt sale gives out next, computed while its winners are read. */
export class SlotPlan {
  readonly #taken: Uint8Array;
  readonly #total: number;
  #highest = 0;

  /** A bit per slot: 1.25 MB for ten million. */
  constructor(total: number) {
    this.#total = total;
    this.#taken = new Uint8Array((total >> 3) + 1);
  }

  /** @throws StampedeError INTERNAL outside 1..total, or for a slot that is taken: the snapshot contradicts itself */
  take(slot: number): void {
    if (!Number.isInteger(slot) || slot < 1 || slot > this.#total) {
      throw new StampedeError("INTERNAL", `Slot ${slot} lies outside 1..${this.#total}`);
    }
    const bit = 1 << (slot & 7);
    if (this.#taken[slot >> 3]! & bit) throw new StampedeError("INTERNAL", `Slot ${slot} is taken twice`);
    this.#taken[slot >> 3]! |= bit;
    if (slot > this.#highest) this.#highest = slot;
  }

  /** The highest slot that is taken. The next new slot follows it. */
  get next(): number {
    return this.#highest;
  }

  /** Slots below `next` that no user holds, lowest first. */
  *freed(): Generator<number> {
    for (let slot = 1; slot < this.#highest; slot++) {
      if (!(this.#taken[slot >> 3]! & (1 << (slot & 7)))) yield slot;
    }
  }
}
