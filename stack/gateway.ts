import { join } from "node:path";
import { nodeCommand } from "./node-runtime.ts";
import type { NativeService } from "./service.ts";

/** Bun itself, as it runs us: the version that the lockfile pins. */
export const bun = (): string => process.execPath;

/** The gateway; `--workers N` runs it N times on one port. */
export const gateway: NativeService = {
  name: "gateway",
  stopSignal: "SIGTERM",
  startTimeoutS: 20,
  stopTimeoutS: 20,
  ports: ({ ports }) => [{ port: ports.gateway, variable: "GATEWAY_PORT" }],
  missingPackages: async () => [],
  command: (context, runtime) =>
    runtime === "node"
      ? nodeCommand(context, "gateway")
      : { argv: [bun(), join(context.layout.root, "gateway/main.bun.ts")], env: context.env },
};
