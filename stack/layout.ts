import { createHash } from "node:crypto";
import { existsSync, mkdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { CliConfig } from "./config.ts";
import type { ServiceName } from "./service-names.ts";

/** Ports of one stack on the loopback. */
export interface Ports {
  readonly redis: number;
  readonly postgres: number;
  readonly kafka: number;
  readonly gateway: number;
  /** Operators' calls. */
  readonly admin: number;
  /** Health and metrics of the gateway's first process; its other workers have the next ports. */
  readonly machine: number;
  readonly consumers: number;
  readonly paymentSimulator: number;
}

/** The configured ports, moved by `offset` (a second stack beside the first). */
export function portsOf(config: CliConfig, offset: number): Ports {
  return {
    redis: config.STAMPEDE_REDIS_PORT + offset,
    postgres: config.STAMPEDE_POSTGRES_PORT + offset,
    kafka: config.STAMPEDE_KAFKA_PORT + offset,
    gateway: config.GATEWAY_PORT + offset,
    admin: (config.ADMIN_PORT ?? config.GATEWAY_PORT + 10) + offset,
    machine: (config.MACHINE_PORT ?? config.GATEWAY_PORT + 11) + offset,
    consumers: config.CONSUMERS_PORT + offset,
    paymentSimulator: (config.PAYMENT_SIMULATOR_PORT ?? config.GATEWAY_PORT + 2) + offset,
  };
}

/** Where a stack keeps its things. */
export interface Layout {
  /** The repository. */
  readonly root: string;
  readonly dir: string;
  /** Kafka's jars; shared by all stacks of the repository. */
  readonly kafkaLibs: string;
  readonly secretsFile: string;
  /** The keys that sign receipts, unless the environment names a file. */
  readonly receiptKeysFile: string;
  /** All data of the stack: what `down --wipe` deletes. */
  readonly data: string;
  readonly log: string;
  readonly run: string;
  dataOf(service: ServiceName): string;
  logOf(service: string): string;
  pidFile(service: ServiceName): string;
}

export function layoutOf(root: string, dir: string, kafkaLibs?: string): Layout {
  const data = join(dir, "data");
  return {
    root,
    dir,
    kafkaLibs: kafkaLibs ?? join(root, ".stack", "kafka", "libs"),
    secretsFile: join(dir, "secrets.json"),
    receiptKeysFile: join(dir, "receipt-keys.json"),
    data,
    log: join(dir, "log"),
    run: join(dir, "run"),
    dataOf: (service) => join(data, service),
    logOf: (service) => join(dir, "log", `${service}.log`),
    pidFile: (service) => join(dir, "run", `${service}.pid`),
  };
}

export function makeDirectories(layout: Layout): void {
  for (const dir of [layout.data, layout.log, layout.run]) mkdirSync(dir, { recursive: true });
}

/** The repository: the directory above that holds package.json. */
export function repositoryRoot(): string {
  return dirname(import.meta.dir);
}

/** Whether users other than the owner can walk to `path` (PostgreSQL never runs as root, but a clone may lie in /root). */
export function reachableByOthers(path: string): boolean {
  for (let at = path; ; at = dirname(at)) {
    if (existsSync(at) && (statSync(at).mode & 0o001) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

/** A short name that is this directory's own on this machine. */
export function shortNameOf(dir: string): string {
  return createHash("sha256").update(dir).digest("hex").slice(0, 10);
}
