import { createStack } from "../stack/stack.ts";
import type { Target } from "./target.ts";

/** The stack's consumers, for scenarios that need them away for a while. */
export interface Consumers {
  stop(): Promise<void>;
  /** With these roles only; default all. Does nothing if they run. */
  start(roles?: string): Promise<void>;
}

/** @throws Error when the target's consumers are not processes of this stack */
export function consumersOf(target: Target): Consumers {
  const stack = createStack();
  if (stack.layout.run !== target.runDir)
    throw new Error("the consumers are not ours to stop: run this by ./dev bench");
  const runtime = stack.runtimeOf("consumers"); // forgotten when they are stopped
  return {
    async stop() {
      await stack.down(["consumers"]);
    },
    start: (roles) => stack.up(["consumers"], { roles, runtime }),
  };
}
