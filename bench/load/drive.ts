import { join } from "node:path";
import type { FromLoader, LoadPlan, LoadProgress, LoadResult } from "./plan.ts";

export interface DriveOptions {
  readonly onReady?: () => void;
  readonly onProgress?: (progress: LoadProgress) => void;
}

/**
 * Runs a plan in a separate process and returns what it measured.
 * @throws Error when the process fails or dies
 */
export async function drive(plan: LoadPlan, { onReady, onProgress }: DriveOptions = {}): Promise<LoadResult> {
  const { promise, resolve, reject } = Promise.withResolvers<LoadResult>();
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "main.bun.ts")], {
    stdio: ["ignore", "inherit", "inherit"],
    ipc(message: FromLoader) {
      if (message.type === "ready") onReady?.();
      else if (message.type === "progress") onProgress?.(message.progress);
      else if (message.type === "failed") reject(new Error(`the load process failed: ${message.message}`));
      else resolve(message.result);
    },
    onExit: (_process, code) => reject(new Error(`the load process ended early (exit ${code})`)),
  });
  child.send({ type: "plan", plan });
  try {
    return await promise;
  } finally {
    child.kill();
    await child.exited;
  }
}
