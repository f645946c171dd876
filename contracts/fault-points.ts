/** Places at which a fault test may have the process die. */
export type FaultPoint =
  | "claim:after-lua"
  | "claim:after-produce"
  | "decide:decided"
  | "decide:settled"
  | "persist:committed"
  | "persist:announced"
  | "revoke:committed"
  | "revoke:released"
  | "resize:before-redis"
  | "resize:after-redis";

export type Fault = (here: FaultPoint) => void;

/**
 * Kills this process with SIGKILL when it comes to the named point: what a power cut would do. Only with NODE_ENV=test;
 * otherwise a no-op that cannot be switched on.
 */
export function createFault(environment: string, armed: string): Fault {
  if (environment !== "test" || armed === "") return () => {};
  return (here) => {
    if (here === armed) process.kill(process.pid, "SIGKILL");
  };
}
