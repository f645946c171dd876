import { StampedeError } from "./errors.ts";

/** A log entry about things that were left out. */
export interface LeftOutComplaint {
  /** The part of the round in which they failed. */
  readonly step: string;
  readonly code: string;
  readonly error: string;
  /** The names of the first ten things. */
  readonly names: readonly string[];
  readonly leftOut: number;
}

export interface LeftOutObserver {
  /** Called for things that are newly left out, once per step and code; for the same thing at most once a minute. */
  readonly complain: (complaint: LeftOutComplaint) => void;
  /** Called with the number of things that are left out now. */
  readonly count: (things: number) => void;
}

interface Failing {
  readonly failures: number;
  /** The thing is not tried before this time (monotonic clock, like all times here). */
  readonly restsUntil: number;
  readonly saidAt: number;
  readonly failedAt: number;
}

const FIRST_REST_MS = 250;
const USUAL_MAX_REST_MS = 5_000;
const REMIND_MS = 60_000;
/** The limit of remembered things. Failing things beyond it are left out too, without a complaint and without a pause. */
const MAX_REMEMBERED = 10_000;
const NAMED = 10;

export interface WorkOptions {
  /** How many things are worked on at once. Default: all. */
  readonly atOnce?: number;
  /** Default true. */
  readonly throwsIfAway?: boolean;
  /** The longest pause of a thing that keeps failing, in ms. Default 5,000. */
  readonly maxRestMs?: number;
}

export interface WorkResult<T, R> {
  readonly thing: T;
  readonly result: R;
}

/**
 * Does the same work for many things (sales, buckets), so that a failure of one stops none of the others. A failing thing is
 * left out, reported, counted, and tried again after a pause that grows to five seconds, because a shard that is away must not
 * cost every round a timeout. A thing that succeeds again is forgotten at once.
 */
export class LeftOut {
  readonly #observer: LeftOutObserver;
  readonly #now: () => number;
  readonly #failing = new Map<string, Failing>();

  constructor(observer: LeftOutObserver, now: () => number = () => performance.now()) {
    this.#observer = observer;
    this.#now = now;
  }

  /**
   * @param step names this work in reports; pauses are separate for each step
   * @returns the results of those that succeeded, in the order given
   * @throws REDIS_UNAVAILABLE if all of them failed with it: then the cause is not in one thing, and the round is repeated
   * (with `throwsIfAway: false` they are left out like all others)
   */
  async runEach<T, R>(
    step: string,
    things: readonly T[],
    nameOf: (thing: T) => string,
    work: (thing: T, index: number) => Promise<R>,
    options: WorkOptions = {},
  ): Promise<WorkResult<T, R>[]> {
    const { atOnce = Number.POSITIVE_INFINITY, throwsIfAway = true, maxRestMs = USUAL_MAX_REST_MS } = options;
    const awake = things.filter((thing) => !this.isResting(step, nameOf(thing)));
    const results = await runAll(awake, work, atOnce);
    const done: { thing: T; result: R }[] = [];
    const failed: { name: string; error: unknown }[] = [];
    for (const [i, one] of results.entries()) {
      const thing = awake[i]!;
      if (one.status === "rejected") failed.push({ name: nameOf(thing), error: one.reason });
      else {
        this.#failing.delete(`${step} ${nameOf(thing)}`);
        done.push({ thing, result: one.value });
      }
    }
    if (failed.length > 0) {
      if (throwsIfAway && done.length === 0 && failed.every(({ error }) => isAway(error))) throw failed[0]!.error;
      this.#note(step, failed, maxRestMs);
    }
    this.#forgetOld();
    this.#observer.count(this.#failing.size);
    return done;
  }

  /** Whether the thing failed in this step and is still in its pause. */
  isResting(step: string, name: string): boolean {
    const failing = this.#failing.get(`${step} ${name}`);
    return failing !== undefined && failing.restsUntil > this.#now();
  }

  #note(step: string, failed: readonly { readonly name: string; readonly error: unknown }[], maxRestMs: number): void {
    const now = this.#now();
    const complaints = new Map<string, LeftOutComplaint>();
    for (const { name, error } of failed) {
      const key = `${step} ${name}`;
      const known = this.#failing.get(key);
      const isRemembered = known !== undefined || this.#failing.size < MAX_REMEMBERED;
      const isNews = known === undefined ? isRemembered : now - known.saidAt >= REMIND_MS;
      const failures = (known?.failures ?? 0) + 1;
      // The first failure causes no pause: usually the next round succeeds.
      const rest = failures === 1 ? 0 : Math.min(maxRestMs, FIRST_REST_MS * 2 ** (failures - 2));
      if (isRemembered) {
        const saidAt = isNews ? now : known!.saidAt;
        this.#failing.set(key, { failures, restsUntil: now + rest, saidAt, failedAt: now });
      }
      if (!isNews) continue;
      const code = codeOf(error);
      const before = complaints.get(code);
      const names = before?.names ?? [];
      complaints.set(code, {
        step,
        code,
        error: before?.error ?? (error instanceof Error ? error.message.slice(0, 200) : String(error)),
        names: names.length < NAMED ? [...names, name] : names,
        leftOut: (before?.leftOut ?? 0) + 1,
      });
    }
    for (const complaint of complaints.values()) this.#observer.complain(complaint);
  }

  /** Forgets things that are not in use any more, for example a sale that is gone. */
  #forgetOld(): void {
    if (this.#failing.size === 0) return;
    const now = this.#now();
    for (const [key, { restsUntil, failedAt }] of this.#failing) {
      if (Math.max(restsUntil, failedAt) + REMIND_MS <= now) this.#failing.delete(key);
    }
  }
}

/** Promise.allSettled with a concurrency limit of `atOnce`. */
async function runAll<T, R>(
  things: readonly T[],
  work: (thing: T, index: number) => Promise<R>,
  atOnce: number,
): Promise<PromiseSettledResult<R>[]> {
  if (things.length <= atOnce) return await Promise.allSettled(things.map((thing, i) => work(thing, i)));
  const results: PromiseSettledResult<R>[] = [];
  let next = 0;
  const hand = async () => {
    for (let i = next++; i < things.length; i = next++) {
      const [result] = await Promise.allSettled([work(things[i]!, i)]);
      results[i] = result!;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, hand));
  return results;
}

const isAway = (error: unknown) => error instanceof StampedeError && error.code === "REDIS_UNAVAILABLE";

function codeOf(error: unknown): string {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  return typeof code === "string" ? code : typeof name === "string" ? name : "UNKNOWN";
}
