import { join } from "node:path";
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
  command: ({ layout, env }) => ({ argv: [bun(), join(layout.root, "gateway/main.bun.ts")], env }),
};
