import { classify } from "../../db/errors.ts";
import type { CallLine } from "../../db/settings/audit.ts";

/** Lines that wait while PostgreSQL is away; beyond them lines are dropped. A line takes about half a kilobyte. */
const MOST_WAITING = 10_000;
const BATCH = 100;
/** How long the first line of a batch waits for others. */
const GATHER_MS = 50;
const RETRY_MS = 500;
/** How long a stop waits for PostgreSQL. */
const LAST_WRITE_MS = 2_000;

export interface CallLogParts {
  /** Writes lines, all of them or none. */
  readonly insert: (lines: readonly CallLine[]) => Promise<void>;
  readonly onError: (error: unknown) => void;
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/**
 * Writes calls to the audit log in batches, behind their answers: a call never waits for its line. A line that PostgreSQL cannot
 * take now is tried again; one that it never will is dropped, and so are those for which there is no room.
 */
export class CallLog {
  readonly #parts: CallLogParts;
  readonly #waiting: CallLine[] = [];
  /** 1 while a batch is written line by line, because one of its lines was refused. */
  #batch = BATCH;
  #writing: Promise<void> | null = null;
  #isStopped = false;
  written = 0;
  dropped = 0;

  constructor(parts: CallLogParts) {
    this.#parts = parts;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  add(line: CallLine): void {
    if (this.#isStopped || this.#waiting.length >= MOST_WAITING) {
      this.dropped++;
      return;
    }
    this.#waiting.push(line);
    this.#writing ??= this.#write();
  }

  /** Writes what waits, if PostgreSQL answers in time. Lines that come later are dropped. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.race([this.#writing, sleep(LAST_WRITE_MS)]);
    this.dropped += this.#waiting.length;
    this.#waiting.length = 0;
  }

  async #write(): Promise<void> {
    await sleep(GATHER_MS);
    while (this.#waiting.length > 0) {
      const lines = this.#waiting.slice(0, this.#batch);
      try {
        await this.#parts.insert(lines);
        this.written += lines.length;
        this.#waiting.splice(0, lines.length);
      } catch (error) {
        if (!(await this.#failed(error, lines.length))) break;
      }
    }
    this.#batch = BATCH;
    this.#writing = null;
  }

  /** @returns whether to go on */
  async #failed(error: unknown, lines: number): Promise<boolean> {
    this.#parts.onError(error);
    if (classify(error) !== "permanent") {
      if (this.#isStopped) return false;
      await sleep(RETRY_MS);
    } else if (lines > 1) this.#batch = 1;
    else {
      this.#waiting.shift();
      this.dropped++;
    }
    return true;
  }
}
