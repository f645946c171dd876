/** A call that takes longer than this, milliseconds, is slow and frees its slot. */
const SLOW_CALL_MS = 1_000;
/** Limit of all running calls, slow ones included, as a multiple of the slots. */
const MAX_CALLS_PER_SLOT = 4;

/**
 * Concurrency limit for calls to the payment provider. A slow call frees its slot for another one, so that a few slow cards
 * do not hold up the rest. When all running calls together reach four times the number of slots, no new call starts.
 */
export class CallSlots {
  readonly #slots: number;
  readonly #onFree: () => void;
  readonly #running = new Set<Promise<void>>();
  #taken = 0;

  /** @param onFree called when a call frees its slot, and again when a slow call ends */
  constructor(slots: number, onFree: () => void) {
    this.#slots = slots;
    this.#onFree = onFree;
  }

  /** Calls that may start now. */
  get free(): number {
    return Math.max(0, Math.min(this.#slots - this.#taken, MAX_CALLS_PER_SLOT * this.#slots - this.#running.size));
  }

  /** Calls that are running, slow ones included. */
  get running(): number {
    return this.#running.size;
  }

  /** Starts `work` and holds a slot until it ends or becomes slow. */
  run(work: () => Promise<void>): void {
    this.#taken++;
    let holdsSlot = true;
    const freeSlot = () => {
      if (holdsSlot) this.#taken--;
      holdsSlot = false;
      this.#onFree();
    };
    const timer = setTimeout(freeSlot, SLOW_CALL_MS);
    const done = work().finally(() => {
      clearTimeout(timer);
      this.#running.delete(done);
      freeSlot();
    });
    this.#running.add(done);
  }

  /** Resolves when no call is running. */
  async empty(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }
}
