import type { StampedeError } from "../../contracts/wire/errors.ts";
import { overloaded } from "./refused.ts";

export interface ReadLimits {
  readonly running: number;
  readonly waiting: number;
  /** How long one waits, in milliseconds. */
  readonly deadlineMs: number;
}

interface Waiting {
  readonly since: number;
  readonly go: () => void;
  readonly giveUp: () => void;
}

/**
 * Bounds the reads that Redis and PostgreSQL answer: at most `running` at once, `waiting` behind them, each for at most
 * `deadlineMs`. The others are refused at once, so that a flood of reads costs refusals and not connections, and claims find both
 * free. A read that is answered from memory takes no place.
 */
export class ReadQueue {
  readonly #waiting = new Set<Waiting>();
  #running = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param refused called for each refusal */
  constructor(
    private readonly most: ReadLimits,
    private readonly refused: () => void = () => {},
  ) {}

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Runs a read now, or when a place is free. @throws StampedeError OVERLOADED, also as a rejection */
  run<T>(read: () => T | Promise<T>): T | Promise<T> {
    if (this.#running < this.most.running) return this.#start(read);
    if (this.#waiting.size >= this.most.waiting) throw this.#refusal();
    return new Promise<T>((resolve, reject) => {
      this.#waiting.add({
        since: performance.now(),
        go: () => {
          try {
            resolve(this.#start(read));
          } catch (error) {
            reject(error);
          }
        },
        giveUp: () => reject(this.#refusal()),
      });
      this.#timer ??= setTimeout(this.#expire, this.most.deadlineMs);
    });
  }

  #refusal(): StampedeError {
    this.refused();
    return overloaded();
  }

  #start<T>(read: () => T | Promise<T>): T | Promise<T> {
    const result = read();
    if (!(result instanceof Promise)) return result;
    this.#running++;
    return result.finally(() => {
      this.#running--;
      this.#next();
    });
  }

  /** Lets waiting reads begin, the oldest first. */
  #next(): void {
    while (this.#running < this.most.running) {
      const first = this.#first();
      if (first === undefined) return;
      this.#waiting.delete(first);
      first.go();
    }
  }

  #first(): Waiting | undefined {
    const { done, value } = this.#waiting.values().next();
    return done ? undefined : value;
  }

  /** One timer for all: it refuses those whose time is over and waits for the next one. */
  readonly #expire = (): void => {
    this.#timer = undefined;
    const now = performance.now();
    for (let first = this.#first(); first !== undefined; first = this.#first()) {
      const left = first.since + this.most.deadlineMs - now;
      if (left > 0) {
        this.#timer = setTimeout(this.#expire, Math.ceil(left));
        return;
      }
      this.#waiting.delete(first);
      first.giveUp();
    }
  };
}
