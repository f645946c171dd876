/** A sleep that can be ended early. A poll sleeps; the queue that it waits for wakes it. */
export class Wakeable {
  #wake: (() => void) | undefined;

  get isAsleep(): boolean {
    return this.#wake !== undefined;
  }

  /** Ends the sleep, if one is under way. */
  wake(): void {
    this.#wake?.();
  }

  /** Resolves at the next `wake`, or after `ms`. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#wake = done;
    });
  }
}
