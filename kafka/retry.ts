import { setTimeout as sleep } from "node:timers/promises";

export interface RetryOptions {
  /** How long it is tried again, milliseconds. */
  readonly forMs: number;
  /** Pause between two tries, milliseconds. */
  readonly everyMs: number;
  /** Whether a retry may help against this error. Default: it may help against every error. */
  readonly isWorthIt?: (error: unknown) => boolean;
}

/**
 * Retries a request until it succeeds.
 * @throws the last error, when the time is over or a retry does not help
 */
export async function retry<T>(ask: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { forMs, everyMs, isWorthIt = () => true } = options;
  for (const deadline = performance.now() + forMs; ; await sleep(everyMs)) {
    try {
      return await ask();
    } catch (error) {
      if (!isWorthIt(error) || performance.now() > deadline) throw error;
    }
  }
}
