import { sqlState } from "./errors.ts";

/** lock_not_available: the wait for a lock reached lock_timeout. deadlock_detected: PostgreSQL chose us to give way. */
const LOCK_FAILURES: ReadonlySet<unknown> = new Set(["55P03", "40P01"]);
/** The transactions that queued behind our wait for a lock pass before the next attempt. */
const REST_MS = 200;

/**
 * Runs a transaction that needs a strong lock, and runs it again when it did not get the lock or lost a deadlock.
 * @throws the last attempt's error, and any other error at once
 */
export async function retryLocks<T>(attempts: number, transaction: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await transaction();
    } catch (error) {
      if (!LOCK_FAILURES.has(sqlState(error)) || attempt === attempts) throw error;
      await new Promise((resolve) => setTimeout(resolve, REST_MS));
    }
  }
}
