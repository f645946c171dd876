import { join } from "node:path";
import { bun } from "./gateway.ts";
import { nodeCommand } from "./node-runtime.ts";
import { databaseUrlOf } from "./schema.ts";
import type { NativeService } from "./service.ts";

/** The consumers: all roles in one process, unless ROLES names some. */
export const consumers: NativeService = {
  name: "consumers",
  stopSignal: "SIGTERM",
  startTimeoutS: 30,
  stopTimeoutS: 20,
  ports: ({ ports }) => [{ port: ports.consumers, variable: "CONSUMERS_PORT" }],
  missingPackages: async () => [],
  command(context, runtime) {
    const env = { ...context.env, DATABASE_URL: databaseUrlOf("consumers", context) };
    return runtime === "node"
      ? nodeCommand({ ...context, env }, "consumers")
      : { argv: [bun(), join(context.layout.root, "consumers/main.bun.ts")], env };
  },
};
