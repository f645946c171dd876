/** Lets at most so many pieces of work run together; the others wait in line. */
export class Hands {
  #free: number;
  readonly #line: (() => void)[] = [];

  constructor(hands: number) {
    this.#free = hands;
  }

  /** @throws what the work throws */
  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => void this.#line.push(resolve));
    try {
      return await work();
    } finally {
      // The hand goes straight to the next in line, so nobody who comes just now is quicker.
      const next = this.#line.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}
