import { createStack } from "../stack/stack.ts";
import { pidsOf, residentBytes } from "./processes.ts";
import type { Target } from "./target.ts";

/**
 * Starts the stack's gateways anew, as they were. A process that has served load holds memory that it fills again without
 * growing: what something costs it shows only in a fresh one. Gateways that are not ours stay as they are.
 */
export async function renewGateway(target: Target): Promise<void> {
  const stack = createStack();
  const workers = stack.pids("gateway").length;
  if (stack.layout.run !== target.runDir || workers === 0) return;
  const runtime = stack.runtimeOf("gateway"); // forgotten when it is stopped
  await stack.down(["gateway"]);
  await stack.up(["gateway"], { workers, runtime });
}

/** Resident memory of all gateways together, MB; null when it can't be read. */
export function gatewayMegabytes(target: Target): number | null {
  const bytes = residentBytes(pidsOf(target.runDir, "gateway"));
  return bytes === null ? null : bytes / 2 ** 20;
}
