import { join } from "node:path";
import type { FromOrders, OrderLoadResult, OrderPlan, OrderProgress, ToOrders } from "./plan.ts";

export interface OrderDriveOptions {
  /** Coupons are won, sockets are open; the first order is placed when this has resolved. */
  readonly onReady?: () => Promise<void>;
  readonly onProgress?: (progress: OrderProgress) => void;
}

/**
 * Lets users order in a separate process and returns what they saw.
 * @throws Error when the process fails or dies
 */
export async function driveOrders(plan: OrderPlan, options: OrderDriveOptions = {}): Promise<OrderLoadResult> {
  const { promise, resolve, reject } = Promise.withResolvers<OrderLoadResult>();
  const tell = (message: ToOrders) => child.send(message);
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "main.bun.ts")], {
    stdio: ["ignore", "inherit", "inherit"],
    ipc(message: FromOrders) {
      if (message.type === "ready") Promise.resolve(options.onReady?.()).then(() => tell({ type: "go" }), reject);
      else if (message.type === "progress") options.onProgress?.(message.progress);
      else if (message.type === "failed") reject(new Error(`the process of the orders failed: ${message.message}`));
      else resolve(message.result);
    },
    onExit: (_process, code) => reject(new Error(`the process of the orders ended early (exit ${code})`)),
  });
  tell({ type: "plan", plan });
  try {
    return await promise;
  } finally {
    child.kill();
    await child.exited;
  }
}
