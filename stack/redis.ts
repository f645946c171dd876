import { mkdirSync, writeFileSync } from "node:fs";
import { totalmem } from "node:os";
import { join } from "node:path";
import { CliError } from "./errors.ts";
import { redisMembers } from "./members.ts";
import { redisClusterStands } from "./redis-cluster.ts";
import type { NativeService, StackContext } from "./service.ts";

const OLDEST = 7;
/** A replica takes over from a master that was silent for this long. Redis' default, 15 s, suits machines far apart. */
const NODE_TIMEOUT_MS = 2_000;

/** Each shape has separate data. */
const homeOf = ({ layout, shape }: StackContext, member: number) =>
  shape === "cluster" ? join(layout.dataOf("redis"), `node-${member + 1}`) : layout.dataOf("redis");

const settingsFile = (context: StackContext, member: number) => join(homeOf(context, member), "stampede.conf");

/** Passwords stand in a file, because everybody on the machine can read the arguments of a process. */
function writeSettings(context: StackContext, member: number): void {
  const { REDIS_PASSWORD } = context.passwords;
  const lines = [
    `include "${join(context.layout.root, "ops/redis/redis.conf")}"`,
    `requirepass ${REDIS_PASSWORD}`,
    `masterauth ${REDIS_PASSWORD}`,
  ];
  writeFileSync(settingsFile(context, member), `${lines.join("\n")}\n`, { mode: 0o600 });
}

const CLUSTER = [
  ...["--cluster-enabled", "yes", "--cluster-node-timeout", String(NODE_TIMEOUT_MS)],
  // When a master without a replica dies, only its own sales are away.
  ...["--cluster-require-full-coverage", "no"],
  // A replica that comes (back) is copied to at once.
  ...["--repl-diskless-sync-delay", "0"],
];

const MB = 1024 ** 2;
/** Less holds no sale worth trying. */
const LEAST_MB = 64;

/**
 * `maxmemory` of one of `members` Redis processes. Half of what there is for all of them: a rewrite of the append-only file
 * forks, and while it lasts a busy Redis may need its memory twice.
 */
export function maxMemoryOf(
  members: number,
  wish: string | undefined,
  machineBytes: number = memoryOfMachine(),
): string {
  return wish ?? `${Math.max(LEAST_MB, Math.floor(machineBytes / 2 / members / MB))}mb`;
}

/** Of the machine, or of the container that this runs in. */
function memoryOfMachine(): number {
  const limit = process.constrainedMemory();
  return limit > 0 && limit < totalmem() ? limit : totalmem();
}

/** Redis as native processes: `ops/redis/redis.conf`, on the loopback; one, or a cluster of three masters and three replicas. */
export const redis: NativeService = {
  name: "redis",
  stopSignal: "SIGTERM",
  startTimeoutS: 20,
  stopTimeoutS: 10,
  members: ({ ports, shape }) => redisMembers(ports, shape).length,
  ports: ({ ports, shape }, member) => {
    const { port, busPort } = redisMembers(ports, shape)[member]!;
    return [port, ...(busPort === null ? [] : [busPort])].map((one) => ({
      port: one,
      variable: "STAMPEDE_REDIS_PORT",
    }));
  },
  joined: async (context) => context.shape === "single" || (await redisClusterStands(context)),

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

  async prepare(context, members) {
    for (const member of members) {
      mkdirSync(homeOf(context, member), { recursive: true });
      writeSettings(context, member);
    }
  },

  command: (context, _runtime, member) => {
    const members = redisMembers(context.ports, context.shape);
    const { port, busPort } = members[member]!;
    return {
      argv: [
        "redis-server",
        settingsFile(context, member),
        ...["--bind", "127.0.0.1", "--port", String(port), "--dir", homeOf(context, member)],
        ...["--maxmemory", maxMemoryOf(members.length, context.config.STAMPEDE_REDIS_MAXMEMORY)],
        ...(busPort === null ? [] : [...CLUSTER, "--cluster-port", String(busPort)]),
      ],
    };
  },
};
