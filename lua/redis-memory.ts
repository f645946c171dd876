import { Cluster } from "ioredis";
import type { RedisConnection } from "./redis.ts";
import { rethrow } from "./redis-failure.ts";

export interface RedisMemory {
  /** `host:port`; empty: the only server. */
  readonly server: string;
  /** Bytes. */
  readonly used: number;
  /** `maxmemory`; 0: no limit. */
  readonly limit: number;
}

/** The memory of each master that answers. @throws StampedeError REDIS_UNAVAILABLE if none answers */
export async function memoryOf(redis: RedisConnection): Promise<RedisMemory[]> {
  const isCluster = redis instanceof Cluster;
  const nodes = isCluster ? redis.nodes("master") : [redis];
  const asked = await Promise.allSettled(
    nodes.map(async (node) => {
      const info = await node.info("memory");
      const field = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, "m").exec(info)?.[1] ?? 0);
      const server = isCluster ? `${node.options.host}:${node.options.port}` : "";
      return { server, used: field("used_memory"), limit: field("maxmemory") };
    }),
  );
  const found = asked.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  const [failed] = asked;
  if (found.length === 0 && failed?.status === "rejected") return rethrow(failed.reason);
  return found;
}
