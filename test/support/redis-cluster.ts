import { spawnSync } from "node:child_process";
import { Redis } from "ioredis";
import { freePort } from "./free-port.ts";
import { type RedisServer, startRedis } from "./redis.ts";
import { until } from "./until.ts";

/** Three masters, each with a replica. A master is taken for dead after NODE_TIMEOUT_MS and replaced about as long after:
 * long enough that a server that only stood still for a moment, with the whole machine, is not. */
export interface RedisCluster {
  /** `redis+cluster://…` */
  readonly url: string;
  /** The server that owns a key's slot now. */
  masterOf(key: string): Promise<RedisServer>;
  /** The server that copies a master. */
  replicaOf(master: RedisServer): RedisServer;
  /** Resolves when the replica of a master has what the master has answered so far. Replicas say so once a second. */
  copied(master: RedisServer): Promise<void>;
  /** Resolves when a server other than `than` owns the key's slot. */
  failedOver(key: string, than: RedisServer): Promise<void>;
  remove(): Promise<void>;
}

const NODE_TIMEOUT_MS = 5_000;

/** The cluster bus listens so much above. */
const BUS = 10_000;

function cli(...args: string[]): string {
  const done = spawnSync("redis-cli", args, { encoding: "utf8" });
  if (done.status !== 0) throw new Error(`redis-cli ${args.join(" ")}: ${done.stdout}${done.stderr}`);
  return done.stdout;
}

export async function startRedisCluster(): Promise<RedisCluster> {
  const args = ["--cluster-enabled", "yes", "--cluster-node-timeout", String(NODE_TIMEOUT_MS)];
  // The sales of living masters go on while another one is replaced.
  args.push("--cluster-require-full-coverage", "no");
  const servers: RedisServer[] = [];
  const remove = async () => {
    await Promise.all(servers.map((server) => server.remove()));
  };
  try {
    for (let i = 0; i < 6; i++) servers.push(await startRedis({ port: freePort(BUS), args }));
    const addresses = servers.map(({ port }) => `127.0.0.1:${port}`);
    cli("--cluster", "create", ...addresses, "--cluster-replicas", "1", "--cluster-yes");
    await until("all replicas are in step", () =>
      servers.every(({ port }) => {
        const info = cli("-p", String(port), "info", "replication");
        const upToDate = info.includes("role:master")
          ? info.includes("connected_slaves:1")
          : info.includes("link_status:up");
        return upToDate && cli("-p", String(port), "cluster", "info").includes("cluster_state:ok");
      }),
    );

    /** As the living servers see it; null while they don't agree on a living one. */
    const owner = async (key: string): Promise<number | null> => {
      const seen = new Set<number>();
      for (const { port } of servers) {
        const redis = new Redis({ port, lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
        redis.on("error", () => {});
        try {
          const slot = await redis.cluster("KEYSLOT", key);
          const ranges = await redis.cluster("SLOTS");
          const range = ranges.find(([from, to]) => from <= slot && slot <= to);
          seen.add(range ? range[2]![1] : 0);
        } catch {
          // dead: it has no say
        } finally {
          redis.disconnect();
        }
      }
      return seen.size === 1 && !seen.has(0) ? [...seen][0]! : null;
    };
    return {
      url: `redis+cluster://${addresses.join(",")}`,
      async masterOf(key) {
        const port = await owner(key);
        return servers.find((server) => server.port === port)!;
      },
      replicaOf({ port }) {
        const replica = /^slave0:.*,port=(\d+)/m.exec(cli("-p", String(port), "info", "replication"))?.[1];
        return servers.find((server) => server.port === Number(replica))!;
      },
      async copied({ port }) {
        const info = () => cli("-p", String(port), "info", "replication");
        const offset = (text: string, of: RegExp) => Number(of.exec(text)?.[1] ?? -1);
        const answered = offset(info(), /^master_repl_offset:(\d+)/m);
        await until("the replica has it", () => offset(info(), /^slave0:.*,offset=(\d+)/m) >= answered);
      },
      async failedOver(key, than) {
        await until("the replica is promoted", async () => {
          const port = await owner(key);
          return port !== null && port !== than.port;
        });
      },
      remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}
