import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { CliError } from "../errors.ts";
import type { NativeService } from "./service.ts";

const OLDEST = 7;

/** Redis as a native process: `ops/redis/redis.conf`, on the loopback. */
export const redis: NativeService = {
  name: "redis",
  stopSignal: "SIGTERM",
  startTimeoutS: 20,
  stopTimeoutS: 10,
  ports: ({ ports }) => [{ port: ports.redis, variable: "STAMPEDE_REDIS_PORT" }],

  async missingPackages() {
    const server = Bun.which("redis-server");
    if (!server) return ["redis-server"];
    const version = Bun.spawnSync([server, "--version"])
      .stdout.toString()
      .match(/v=(\d+)/)?.[1];
    if (Number(version) < OLDEST) {
      throw new CliError(`redis-server ${version} is too old: install Redis ${OLDEST} or newer, or set REDIS_URL`);
    }
    return [];
  },

  async prepare({ layout }) {
    mkdirSync(layout.dataOf("redis"), { recursive: true });
  },

  command: ({ layout, ports }) => ({
    argv: [
      "redis-server",
      join(layout.root, "ops/redis/redis.conf"),
      ...["--bind", "127.0.0.1", "--port", String(ports.redis), "--dir", layout.dataOf("redis")],
    ],
  }),
};
