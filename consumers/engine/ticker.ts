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
