/** Places at which a fault test can kill the process. */
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
/** Long enough for the kernel to stop every thread; the wait ends at once when the process continues. */
const UNTIL_STOPPED_MS = 50;

/**
 * Kills this process with SIGKILL when it reaches the named point, like a power cut. With `pause:` before the name it stops
 * the process instead (SIGSTOP, once) until a test sends SIGCONT, like a machine that swaps or a virtual machine that is moved.
 * Only with NODE_ENV=test; otherwise a no-op that cannot be enabled.
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
    // Another thread may receive the signal, so this one waits.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, UNTIL_STOPPED_MS);
  };
}
