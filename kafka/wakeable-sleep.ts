/** One sleeper that something else may wake: a poll and the queue it waits for. */
export class Wakeable {
  #wake: (() => void) | undefined;

  get isAsleep(): boolean {
    return this.#wake !== undefined;
  }

  /** Ends the sleep, if there is one. */
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
