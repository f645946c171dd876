import type { RoleName } from "../role-names.ts";
import { failureCode } from "./failure.ts";
import type { Log } from "./log.ts";
import { pause } from "./pause.ts";

export interface Ticker {
  /** Does the next round now instead of at its time. */
  wake(): void;
  /** Resolves when the running round is over; no other follows. */
  stop(): Promise<void>;
}

/** Calls `round` again and again, `everyMs` after the end of the one before; never two at a time. */
export function startTicker(
  everyMs: number,
  round: (stopping: AbortSignal) => Promise<unknown>,
  onError: (error: unknown) => void,
): Ticker {
  const stopping = new AbortController();
  let awaken = new AbortController();
  const run = async () => {
    while (!stopping.signal.aborted) {
      awaken = new AbortController();
      await round(stopping.signal).catch(onError);
      if (!stopping.signal.aborted) await pause(everyMs, awaken.signal);
    }
  };
  const running = run();
  return {
    wake: () => awaken.abort(),
    stop() {
      stopping.abort();
      awaken.abort();
      return running;
    },
  };
}

/** The same failure is logged at most once in this time, milliseconds, although it comes back every round. */
const REMIND_MS = 30_000;

/** `onError` of a role's ticker: logs the failed rounds. */
export function logFailedRounds(log: Log, role: RoleName): (error: unknown) => void {
  let last = { code: "", at: 0 };
  return (error) => {
    const { code, message } = failureCode(error);
    if (code === last.code && performance.now() - last.at < REMIND_MS) return;
    last = { code, at: performance.now() };
    log.error({ role, code, error: message }, "the round failed and is tried again");
  };
}
