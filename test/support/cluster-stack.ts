import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { clusterNodes } from "../../lua/redis.ts";
import { readConfig } from "../../stack/config.ts";
import { createStack, type Stack } from "../../stack/stack.ts";
import { clusterPorts } from "./cluster-ports.ts";
import { until } from "./until.ts";

/** Three brokers and a Redis Cluster of the test's own, as `./dev up --cluster` starts them; without a PostgreSQL. */
export interface ClusterStack {
  readonly stack: Stack;
  /** Port of the Redis that owns a key's slot, as the others see it; null while it has no living owner. */
  ownerOf(key: string): Promise<number | null>;
  /** kill -9 of one process of `redis` or `kafka`, by its place in the pid file; resolves when it is gone. */
  killOne(service: "redis" | "kafka", member: number): Promise<void>;
  /** Stops everything and deletes it. */
  remove(): Promise<void>;
}

export async function startClusterStack(): Promise<ClusterStack> {
  const dir = mkdtempSync(join(tmpdir(), "stampede-cluster-"));
  const { redis, kafka } = clusterPorts();
  const config = { ...readConfig(), STAMPEDE_REDIS_PORT: redis, STAMPEDE_KAFKA_PORT: kafka };
  const stack = createStack({ dir, cluster: true, external: false, config });
  const remove = async () => {
    await stack.down(undefined, { wipe: true });
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    await stack.up(["redis", "kafka"]);
  } catch (error) {
    await remove();
    throw error;
  }
  const password = clusterNodes(stack.env.REDIS_URL)?.password ?? "";
  return {
    stack,
    remove,
    async ownerOf(key) {
      for (let port = redis; port < redis + 6; port++) {
        const node = new Redis({
          port,
          password,
          lazyConnect: true,
          retryStrategy: () => null,
          maxRetriesPerRequest: 0,
        });
        node.on("error", () => {}); // a dead one has no say
        try {
          const slot = await node.cluster("KEYSLOT", key);
          const line = String(await node.cluster("NODES"))
            .split("\n")
            .find((one) =>
              one
                .split(" ")
                .slice(8)
                .some((range) => inRange(slot, range)),
            );
          if (line) return line.includes("fail") ? null : Number(/:(\d+)@/.exec(line)![1]);
        } catch {
          // dead: the next one is asked
        } finally {
          node.disconnect();
        }
      }
      return null;
    },
    async killOne(service, member) {
      const pid = stack.pids(service)[member]!;
      process.kill(pid, "SIGKILL");
      await until(`${service} ${member} is gone`, () => !stack.pids(service).includes(pid));
    },
  };
}

function inRange(slot: number, range: string): boolean {
  const [from, to = from] = range.split("-").map(Number);
  return from! <= slot && slot <= to!;
}
