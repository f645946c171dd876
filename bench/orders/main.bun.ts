import { createOrderClient, type OrderClient } from "./client.ts";
import type { FromOrders, OrderPlan, ToOrders } from "./plan.ts";

// The process of those who order (drive.ts is its parent): it prepares, says ready, waits for `go`, and reports. A separate
// process, because a load generator that shares an event loop with anything measures that too.

const PROGRESS_MS = 100;
const say = (message: FromOrders) => process.send?.(message);
let client: OrderClient | undefined;

async function prepare(plan: OrderPlan): Promise<void> {
  client = await createOrderClient(plan);
  say({ type: "ready" });
}

async function go(): Promise<void> {
  const timer = setInterval(() => say({ type: "progress", progress: client!.progress() }), PROGRESS_MS);
  const result = await client!.run();
  clearInterval(timer);
  say({ type: "result", result });
}

process.on("disconnect", () => process.exit(1));
process.on("message", (message: ToOrders) => {
  const work = message.type === "plan" ? prepare(message.plan) : go();
  work.catch((error: unknown) =>
    say({ type: "failed", message: error instanceof Error ? error.message : String(error) }),
  );
});
