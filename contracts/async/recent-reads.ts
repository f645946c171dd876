import { LRUCache } from "lru-cache";

// per-turn.ts says why this file is in contracts/.

/** What was read, and when the read began (`performance.now()`). */
export interface Recent<T> {
  readonly value: T;
  readonly at: number;
}

export interface RecentReadsOptions {
  /** How long what was read is an answer, milliseconds, unless the question says less. */
  readonly maxAgeMs: number;
  /** Keys that are remembered, and as many of which nothing was found (null). */
  readonly max: number;
  /** How long it is remembered that nothing was found. Default: `maxAgeMs`. */
  readonly missingMs?: number;
}

/**
 * Reads that are shared for a moment: however many ask, each key is read at most once at a time and once per `maxAgeMs`. Keys of which nothing
 * was found are remembered apart, so that a flood of invented ids pushes no real one out.
 */
export class RecentReads<Key extends string, T> {
  readonly #read: (key: Key) => Promise<T | null>;
  readonly #maxAgeMs: number;
  readonly #known: LRUCache<Key, Recent<T>>;
  readonly #missing: LRUCache<Key, Recent<null>>;
  readonly #running = new Map<Key, Promise<Recent<T | null>>>();

  constructor(read: (key: Key) => Promise<T | null>, { maxAgeMs, max, missingMs = maxAgeMs }: RecentReadsOptions) {
    this.#read = read;
    this.#maxAgeMs = maxAgeMs;
    this.#known = new LRUCache({ max });
    this.#missing = new LRUCache({ max, ttl: missingMs });
  }

  /** What is remembered, or read now. Rejects with the error of the read; errors are not remembered. */
  get(key: Key, maxAgeMs: number = this.#maxAgeMs): Recent<T | null> | Promise<Recent<T | null>> {
    const known = this.#known.get(key);
    if (known !== undefined && performance.now() - known.at < maxAgeMs) return known;
    return this.#missing.get(key) ?? this.#running.get(key) ?? this.#begin(key);
  }

  /** It has changed: the next question reads it, also if it is being read now. */
  forget(key: Key): void {
    this.#known.delete(key);
    this.#missing.delete(key);
    this.#running.delete(key);
  }

  /** Everything may have changed. */
  forgetAll(): void {
    this.#known.clear();
    this.#missing.clear();
    this.#running.clear();
  }

  #begin(key: Key): Promise<Recent<T | null>> {
    const at = performance.now();
    const read: Promise<Recent<T | null>> = this.#read(key)
      .then((value) => {
        const recent = { value, at };
        // Not if `forget` was called meanwhile: the value may be older than the change.
        if (this.#running.get(key) === read) this.#remember(key, recent);
        return recent;
      })
      .finally(() => {
        if (this.#running.get(key) === read) this.#running.delete(key);
      });
    this.#running.set(key, read);
    return read;
  }

  #remember(key: Key, recent: Recent<T | null>): void {
    if (recent.value === null) this.#missing.set(key, recent as Recent<null>);
    else this.#known.set(key, recent as Recent<T>);
  }
}
