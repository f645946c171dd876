import { join } from "node:path";
import { nodeCommand } from "./node-runtime.ts";
import { databaseUrlOf } from "./schema.ts";
import type { NativeService } from "./service.ts";

/** Bun itself, as it runs us: the version that the lockfile pins. */
export const bun = (): string => process.execPath;

/** The gateway; `--workers N` runs it N times on one port. */
export const gateway: NativeService = {
  name: "gateway",
  stopSignal: "SIGTERM",
  startTimeoutS: 20,
  stopTimeoutS: 20,
  // The first two are shared by all workers; each has a machine port for itself.
  ports: ({ ports }, member) => [
    ...(member === 0
      ? [
          { port: ports.gateway, variable: "GATEWAY_PORT" },
          { port: ports.admin, variable: "ADMIN_PORT" },
        ]
      : []),
    { port: ports.machine + member, variable: "MACHINE_PORT" },
  ],
  missingPackages: async () => [],
  command(context, runtime, member) {
    const env = {
      ...context.env,
      DATABASE_URL: databaseUrlOf("gateway", context),
      MACHINE_PORT: String(context.ports.machine + member),
    };
    return runtime === "node"
      ? nodeCommand({ ...context, env }, "gateway")
      : { argv: [bun(), join(context.layout.root, "gateway/main.bun.ts")], env };
  },
};
