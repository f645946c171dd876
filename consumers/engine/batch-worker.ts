import type { IncomingRecord, Producer } from "../../kafka/kafka.ts";
import { failureCode, failureKind } from "./failure.ts";
import type { Log } from "./log.ts";
import { jittered, pause } from "./pause.ts";
import { publishLetters } from "./publish-letters.ts";
import type { Rejected, Role } from "./role.ts";

export interface Retrying {
  /** Tries of a batch before it is divided (patience "dead-letter"). Default 3. */
  readonly attempts: number;
  /** Between tries, milliseconds. Patience "wait" begins with an eighth of it and doubles. Default 2,000. */
  readonly pauseMs: number;
}
export const RETRYING: Retrying = { attempts: 3, pauseMs: 2_000 };

export interface BatchWorkerDeps {
  readonly role: Role;
  readonly producer: Pick<Producer, "sendAll">;
  readonly log: Log;
  readonly retrying: Retrying;
  readonly observe: {
    /** A try failed and will be repeated. */
    retried(): void;
    deadLettered(code: string): void;
    /** The role makes no progress (true), or works again. */
    waiting(waits: boolean): void;
  };
}

/** While a batch is retried, its failure is logged once in this time, milliseconds. */
const REMIND_MS = 30_000;

/**
 * Processes a batch: retries it, divides it if it keeps failing, and dead-letters the records that no retry helps.
 * @returns true when every record is dealt with; false when `signal` ended the work before: no offset may be committed
 */
export async function processBatch(
  deps: BatchWorkerDeps,
  records: readonly IncomingRecord[],
  signal: AbortSignal,
): Promise<boolean> {
  const { role } = deps;
  const failure = await tryUntil(deps, records, signal, deps.retrying.attempts);
  if (failure === null) return true;
  if (failure === "stopped") return false;
  if (records.length === 1) return await deadLetter(deps, [{ record: records[0]!, error: failure.error }], signal);
  deps.log.warn(
    { role: role.name, records: records.length, ...failureCode(failure.error) },
    "the batch is taken apart",
  );
  return await handleHalves(deps, records, signal);
}

/**
 * Finds the records that make a batch fail, by halves: one record of a thousand takes twenty tries, and the others are
 * handled in a few large parts. The first half is finished before the second one begins, so the order within a partition
 * stays.
 */
async function handleHalves(
  deps: BatchWorkerDeps,
  records: readonly IncomingRecord[],
  signal: AbortSignal,
): Promise<boolean> {
  const middle = Math.ceil(records.length / 2);
  for (const half of [records.slice(0, middle), records.slice(middle)]) {
    const failure = await tryUntil(deps, half, signal, 1);
    if (failure === "stopped") return false;
    if (failure === null) continue;
    const dealtWith =
      half.length === 1
        ? await deadLetter(deps, [{ record: half[0]!, error: failure.error }], signal)
        : await handleHalves(deps, half, signal);
    if (!dealtWith) return false;
  }
  return true;
}

/** Retries a batch. null: it is done. */
async function tryUntil(
  deps: BatchWorkerDeps,
  records: readonly IncomingRecord[],
  signal: AbortSignal,
  attempts: number,
): Promise<null | "stopped" | { readonly error: unknown }> {
  const { role, log, retrying, observe } = deps;
  let remindAt = 0;
  for (let attempt = 1; ; attempt++) {
    if (signal.aborted) return "stopped";
    try {
      const rejected = await role.handle(records, signal);
      if (attempt > 1) observe.waiting(false);
      if (rejected.length > 0 && !(await deadLetter(deps, rejected, signal))) return "stopped";
      return null;
    } catch (error) {
      const kind = failureKind(error);
      const fields = { role: role.name, records: records.length, attempt, kind, ...failureCode(error) };
      if (kind === "permanent" || (role.patience === "dead-letter" && attempt >= attempts)) {
        if (attempt > 1) observe.waiting(false);
        return { error };
      }
      observe.retried();
      observe.waiting(true);
      if (performance.now() >= remindAt) {
        log.error(fields, "the batch failed and is tried again");
        remindAt = performance.now() + REMIND_MS;
      }
      const ms =
        role.patience === "wait"
          ? Math.min(retrying.pauseMs, (retrying.pauseMs / 8) * 2 ** (attempt - 1))
          : retrying.pauseMs;
      await pause(jittered(ms), signal);
    }
  }
}

/** Publishes dead letters. While that fails it retries, and the offsets of the records are not committed. */
async function deadLetter(deps: BatchWorkerDeps, rejected: readonly Rejected[], signal: AbortSignal): Promise<boolean> {
  for (const { record, error } of rejected) {
    const { topic, partition, offset } = record;
    deps.log.error({ role: deps.role.name, topic, partition, offset, ...failureCode(error) }, "dead letter");
  }
  while (!signal.aborted) {
    try {
      await publishLetters(deps.producer, rejected);
      for (const { error } of rejected) deps.observe.deadLettered(failureCode(error).code);
      return true;
    } catch (error) {
      deps.log.error({ role: deps.role.name, ...failureCode(error) }, "dead letters cannot be published");
      await pause(jittered(deps.retrying.pauseMs), signal);
    }
  }
  return false;
}
