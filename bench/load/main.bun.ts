import { createAutocannonClient } from "./autocannon-client.ts";
import { createSocketClient } from "./client.ts";
import type { FromLoader, ToLoader } from "./plan.ts";

// The load process: told what to do by its parent (drive.ts), it prepares, says ready, waits for the moment, and reports.
// A separate process, because a load generator that shares an event loop with anything measures that too.

const CLIENTS = { sockets: createSocketClient, autocannon: createAutocannonClient };
const PROGRESS_MS = 100;
const say = (message: FromLoader) => process.send?.(message);

process.on("disconnect", () => process.exit(1));
process.on("message", async ({ plan }: ToLoader) => {
  try {
    const client = await CLIENTS[plan.client](plan);
    say({ type: "ready" });
    const early = (plan.startAtMs ?? 0) - Date.now();
    if (early > 0) await Bun.sleep(early);
    const timer = setInterval(() => say({ type: "progress", progress: client.progress() }), PROGRESS_MS);
    const result = await client.run();
    clearInterval(timer);
    say({ type: "result", result });
  } catch (error) {
    say({ type: "failed", message: error instanceof Error ? error.message : String(error) });
  }
});
