import { pause } from "../engine/pause.ts";

/**
 * Waits until the persisting group has committed what the log holds now; false: the process is stopping. `report` is told
 * about once a second how many milliseconds are left.
 */
export type DrainLog = (stopping: AbortSignal, report: (remainingMs: number) => void) => Promise<boolean>;

/** Milliseconds to collect sales that were fenced together: their waits end at about the same time. */
const GATHER_MS = 50;

/**
 * One wait for the log at a time, shared by all sales that need it. A drain waits for what the log held at its start, so a sale joins
 * the next drain, never the one that runs.
 */
export class SharedDrain {
  readonly #drain: DrainLog;
  readonly #reports = new Set<(remainingMs: number) => void>();
  #running: Promise<unknown> = Promise.resolve();
  #next: Promise<boolean> | null = null;

  constructor(drain: DrainLog) {
    this.#drain = drain;
  }

  /** @returns false when `stopping` ended it */
  async join(stopping: AbortSignal, report: (remainingMs: number) => void): Promise<boolean> {
    this.#reports.add(report);
    try {
      this.#next ??= this.#begin(stopping);
      return await this.#next;
    } finally {
      this.#reports.delete(report);
    }
  }

  #begin(stopping: AbortSignal): Promise<boolean> {
    const next = this.#running.then(async () => {
      await pause(GATHER_MS, stopping);
      this.#next = null;
      return this.#drain(stopping, (remainingMs) => {
        for (const report of this.#reports) report(remainingMs);
      });
    });
    this.#running = next.catch(() => {});
    return next;
  }
}
