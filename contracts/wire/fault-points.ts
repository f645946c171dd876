/** Places at which a fault test may have the process die. */
export type FaultPoint =
  | "claim:after-lua"
  | "claim:after-produce"
  | "queued:noted"
  | "queued:logged"
  | "order:admitted"
  | "order:placed"
  | "order:produced"
  | "decide:decided"
  | "decide:settled"
  | "letters:published"
  | "persist:committed"
  | "persist:announced"
  | "payment:called"
  | "payment:settled"
  | "revoke:committed"
  | "revoke:released"
  | "resize:before-redis"
  | "resize:after-redis"
  | "saga:committed"
  | "saga:published"
  | "saga:settled"
  | "step:committed";

export type Fault = (here: FaultPoint) => void;

const PAUSE = "pause:";
/** Enough for the kernel to stop every thread; it is over at once when the process runs again. */
const UNTIL_STOPPED_MS = 50;

/**
 * Kills this process with SIGKILL when it comes to the named point: what a power cut would do. Armed with `pause:` before
 * the name it stops itself instead (SIGSTOP, once), until somebody sends SIGCONT: a machine that swaps, a VM that is moved.
 * Only with NODE_ENV=test; otherwise a no-op that cannot be switched on.
 */
export function createFault(environment: string, armed: string): Fault {
  if (environment !== "test" || armed === "") return () => {};
  const pauses = armed.startsWith(PAUSE);
  const point = pauses ? armed.slice(PAUSE.length) : armed;
  let due = true;
  return (here) => {
    if (here !== point || !due) return;
    due = false;
    process.kill(process.pid, pauses ? "SIGSTOP" : "SIGKILL");
    // Another thread may take the signal: this one must not go on meanwhile.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, UNTIL_STOPPED_MS);
  };
}
