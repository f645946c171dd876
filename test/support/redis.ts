import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { freePort } from "./free-port.ts";

/** A Redis of the tests' own, which they may kill, freeze and fill. */
export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** SIGKILL: what `appendfsync` had not written is lost. */
  kill(): Promise<void>;
  /** Starts it again on its data and port; resolves when it answers. */
  start(): Promise<void>;
  /** SIGSTOP: connections stay up, no answers come. */
  freeze(): void;
  thaw(): void;
  /** Bytes of the append-only file, what is not synced yet included. */
  logSize(): number;
  /** Cuts the append-only file, as a power cut does to what was not synced. Only while it is killed. */
  cutLog(bytes: number): void;
  /** Stops it and deletes its data. */
  remove(): Promise<void>;
}

export interface RedisServerOptions {
  /** Default: chosen by the system. */
  readonly port?: number;
  /** More `--name value` arguments; append-only persistence (fsync everysec) is on. */
  readonly args?: readonly string[];
}

async function answers(port: number): Promise<boolean> {
  const redis = new Redis({ port, lazyConnect: true, retryStrategy: () => null, connectTimeout: 1_000 });
  redis.on("error", () => {});
  try {
    await redis.connect(); // "ready": it has read its files
    return true;
  } catch {
    return false; // not up yet
  } finally {
    redis.disconnect();
  }
}

export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const home = mkdtempSync(join(tmpdir(), "stampede-redis-"));
  const port = options.port ?? freePort();
  const argv = ["--port", String(port), "--bind", "127.0.0.1", "--dir", home, "--save", "", "--appendonly", "yes"];
  argv.push("--repl-diskless-sync-delay", "0"); // a replica is copied at once
  let server: ChildProcess | undefined;

  const kill = async () => {
    if (!server || server.exitCode !== null || server.signalCode !== null) return;
    const gone = once(server, "exit");
    server.kill("SIGKILL");
    await gone;
  };
  const start = async () => {
    const child = spawn("redis-server", [...argv, ...(options.args ?? [])], { stdio: "ignore" });
    server = child;
    let failure: Error | undefined;
    child.once("error", (error) => {
      failure = error;
    });
    const deadline = performance.now() + 60_000;
    while (!(await answers(port))) {
      if (failure) throw new Error(`redis-server cannot be run (install it, or set REDIS_URL): ${failure.message}`);
      if (child.exitCode !== null) throw new Error("Redis stopped while it started");
      if (performance.now() > deadline) throw new Error("Waited in vain: Redis is up");
      await Bun.sleep(20);
    }
  };
  /** Nothing rewrites the file in a test's short life, so there is one. */
  const log = () => {
    const directory = join(home, "appendonlydir");
    return join(directory, readdirSync(directory).find((name) => name.endsWith(".incr.aof"))!);
  };
  process.once("exit", () => {
    server?.kill("SIGKILL");
    rmSync(home, { recursive: true, force: true });
  });
  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    kill,
    start,
    freeze: () => void server?.kill("SIGSTOP"),
    thaw: () => void server?.kill("SIGCONT"),
    logSize: () => statSync(log()).size,
    cutLog: (bytes) => truncateSync(log(), bytes),
    async remove() {
      await kill();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** A connection of a test's own takes no server for dead because the machine slept for a second in the middle of a command. */
export const UNHURRIED = { silenceMs: 60_000 } as const;

/**
 * For tests that neither restart nor flush Redis: the one at REDIS_URL, else a private one. Its keys are the caller's own
 * as long as it uses new sale and user ids.
 */
export async function openRedis(): Promise<{ readonly url: string; close(): Promise<void> }> {
  const url = process.env.REDIS_URL;
  if (url) return { url, close: async () => {} };
  const server = await startRedis();
  return { url: server.url, close: () => server.remove() };
}
