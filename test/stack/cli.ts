import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { clusterPorts } from "../support/cluster-ports.ts";
import { freePort } from "../support/free-port.ts";

const MAIN = resolve(import.meta.dir, "../../cli/main.ts");

export interface Result {
  readonly code: number;
  readonly out: string;
  readonly errors: string;
}

export interface Running {
  readonly process: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly result: Promise<Result>;
}

/** The command line on a separate stack: a directory and ports that no other test uses. */
export interface Sandbox {
  readonly dir: string;
  readonly ports: {
    readonly redis: number;
    readonly postgres: number;
    readonly kafka: number;
    readonly gateway: number;
  };
  start(args: readonly string[], env?: Record<string, string>): Running;
  run(args: readonly string[], env?: Record<string, string>): Promise<Result>;
  /** Process ids of a service's pid file. */
  pids(service: string): number[];
  /** Of the stack's own Redis and PostgreSQL, once a command has made them. */
  password(name: "REDIS_PASSWORD" | "POSTGRES_PASSWORD"): string;
  /** Stops everything and deletes it. */
  remove(): Promise<void>;
}

/** `cluster`: with room for one at its ports. */
export function sandbox({ cluster = false } = {}): Sandbox {
  const dir = mkdtempSync(join(tmpdir(), "stampede-stack-"));
  const bases = cluster ? clusterPorts() : { redis: freePort(), kafka: freePort() };
  const ports = { ...bases, postgres: freePort(), gateway: freePort() };
  const own: Record<string, string> = {
    STAMPEDE_STACK: dir,
    STAMPEDE_NATIVE: "1",
    SHUTDOWN_DELAY_MS: "0",
    STAMPEDE_REDIS_PORT: String(ports.redis),
    STAMPEDE_POSTGRES_PORT: String(ports.postgres),
    STAMPEDE_KAFKA_PORT: String(ports.kafka),
    GATEWAY_PORT: String(ports.gateway),
    ADMIN_PORT: String(freePort()),
    MACHINE_PORT: String(freePort()),
    CONSUMERS_PORT: String(freePort()),
    PAYMENT_SIMULATOR_PORT: String(freePort()),
    NO_COLOR: "1",
  };
  const { REDIS_URL: _r, DATABASE_URL: _d, KAFKA_BROKERS: _k, ...inherited } = process.env;

  function start(args: readonly string[], env: Record<string, string> = {}): Running {
    const child = Bun.spawn([process.execPath, MAIN, ...args], {
      env: { ...inherited, ...own, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const texts = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    const result = texts.then(async ([out, errors]) => ({ code: await child.exited, out, errors }));
    return { process: child, result };
  }

  const run = (args: readonly string[], env?: Record<string, string>) => start(args, env).result;
  return {
    dir,
    ports,
    start,
    run,
    pids: (service) => {
      const text = readFileSync(join(dir, "run", `${service}.pid`), "utf8");
      return text.split("\n").filter(Boolean).map(Number);
    },
    password: (name) => JSON.parse(readFileSync(join(dir, "secrets.json"), "utf8"))[name],
    async remove() {
      await run(["down", "--wipe"]);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
