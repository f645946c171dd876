import type { Logger } from "pino";
import { loggable } from "../db/loggable-error.ts";

const REMINDER_MS = 30_000;
/** The database counts as back after this time without a failure: one connection may still answer while others break. */
const SETTLED_MS = 1_000;

/** Logs that the database is away: once, then every 30 s, and once when it is back. No stack per call. */
export class DatabaseOutageLog {
  readonly #log: Pick<Logger, "warn" | "info">;
  readonly #now: () => number;
  #awaySince: number | undefined;
  #lastAway = 0;
  #remindAt = 0;

  constructor(log: Pick<Logger, "warn" | "info">, now: () => number = () => performance.now()) {
    this.#log = log;
    this.#now = now;
  }

  /** A call got no answer. */
  away(error: unknown): void {
    const now = this.#now();
    this.#lastAway = now;
    if (this.#awaySince === undefined) this.#awaySince = now;
    else if (now < this.#remindAt) return;
    this.#remindAt = now + REMINDER_MS;
    const forS = Math.round((now - this.#awaySince) / 1_000);
    this.#log.warn({ why: loggable(error).message, forS }, "PostgreSQL does not answer");
  }

  /** A call was answered. */
  answered(): void {
    if (this.#awaySince === undefined) return;
    const now = this.#now();
    if (now - this.#lastAway < SETTLED_MS) return;
    this.#log.info({ afterS: Math.round((now - this.#awaySince) / 1_000) }, "PostgreSQL answers again");
    this.#awaySince = undefined;
  }
}
