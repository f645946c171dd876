/**
 * Kills this very process (as `kill -9` would) when it passes the chosen point, so that a test can put a crash where
 * it hurts. `chosen` is empty in every real process (config.ts).
 */
export function createFaultPoint(chosen: string): (at: string) => void {
  if (chosen === "") return () => {};
  return (at) => {
    if (at === chosen) process.kill(process.pid, "SIGKILL");
  };
}
