import type { Startup } from "./starting.ts";

/** How long a service that reads its data may make no progress. A shared disk may be silent for half a minute. */
const STALL_MS = 60_000;
/** How long to wait for a service that says it is starting, but not how far it is. */
const UNMEASURED_MS = 600_000;

/**
 * How long a start is waited for: `timeoutMs`, and beyond that as long as the service says that it reads its data and gets
 * on with it. A server that is killed in the middle of that begins again from nothing, for ever. Times are performance.now().
 */
export class StartPatience {
  readonly #begun: number;
  readonly #stallMs: number;
  readonly #timeoutMs: number;
  #deadline: number;
  #last: Startup | null = null;

  constructor(timeoutMs: number, now: number, stallMs: number = STALL_MS) {
    this.#begun = now;
    this.#timeoutMs = timeoutMs;
    this.#stallMs = stallMs;
    this.#deadline = now + timeoutMs;
  }

  /** The service was asked. null: it said nothing. */
  saw(startup: Startup | null, now: number): void {
    if (startup === null) return;
    const gotOn = startup.mark !== null && startup.mark !== this.#last?.mark;
    if (gotOn) this.#deadline = Math.max(this.#deadline, now + this.#stallMs);
    if (startup.mark === null) this.#deadline = Math.max(this.#deadline, this.#begun + UNMEASURED_MS);
    this.#last = startup;
  }

  isOver(now: number): boolean {
    return now > this.#deadline;
  }

  /** Why it is over, to follow the service's name. */
  get complaint(): string {
    const last = this.#last;
    if (last === null) return `did not answer within ${this.#timeoutMs / 1_000} s`;
    const stood = last.mark === null ? UNMEASURED_MS : this.#stallMs;
    return `does not get on with its start: it said "${last.doing}", and nothing changed for ${stood / 1_000} s`;
  }
}
