import { readFileSync } from "node:fs";
import { containerRuns } from "./docker.ts";
import { machineAddresses, shownAddress } from "./env.ts";
import { readRecord, type ServiceRecord } from "./processes.ts";
import { isReady } from "./ready.ts";
import { hasRuntime, type RuntimeName } from "./runtime.ts";
import { SERVICES, type ServiceName, type Source } from "./service-names.ts";
import type { Stack } from "./stack.ts";

export interface ServiceStatus {
  readonly service: ServiceName;
  /**
   * `up` answers; `not ready` says itself that it can't work, most often because something else is away; `starting` lives and
   * does not answer (yet); `partly` some of its processes died.
   */
  readonly state: "up" | "not ready" | "starting" | "partly" | "down";
  readonly source: Source;
  /** Gateway and consumers only. */
  readonly runtime: RuntimeName | null;
  readonly address: string;
  readonly pids: readonly number[];
  /** Milliseconds since 1970; null: we did not start it. */
  readonly since: number | null;
  /** Resident memory of its processes in bytes; null where it can't be read. */
  readonly rss: number | null;
  /** What its /health/ready says. */
  readonly health: Readonly<Record<string, unknown>> | null;
}

/** Resident memory of a process and its descendants (PostgreSQL is many), in bytes. Shared pages count for each. */
function rssOf(pids: readonly number[]): number | null {
  let bytes = 0;
  for (const pid of pids) {
    try {
      const kb = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
      bytes += Number(kb ?? 0) * 1024; // a process that is just ending has none
      const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
      if (children) bytes += rssOf(children.split(" ").map(Number)) ?? 0;
    } catch {
      // Gone meanwhile, or a system without /proc.
    }
  }
  return bytes || null;
}

async function healthOf(address: string): Promise<Record<string, unknown> | null> {
  try {
    const answer = await fetch(`${address}/health/ready`, { signal: AbortSignal.timeout(1500) });
    return (await answer.json()) as Record<string, unknown>;
  } catch {
    return null;
  }
}

export interface ObservedService {
  readonly record: Pick<ServiceRecord, "source" | "wanted"> | null;
  readonly source: Source;
  /** Whether it can be used. */
  readonly answers: boolean;
  readonly alive: boolean;
  readonly processes: number;
  readonly health: object | null;
}

export function stateOf({
  record,
  source,
  answers,
  alive,
  processes,
  health,
}: ObservedService): ServiceStatus["state"] {
  if (record?.source === "native" && processes === 0) return "down";
  if (record?.source === "native" && processes < record.wanted) return "partly";
  if (record === null && source !== "environment") return "down";
  if (answers) return "up";
  if (!alive) return "down";
  return health === null ? "starting" : "not ready";
}

async function statusOf(stack: Stack, service: ServiceName): Promise<ServiceStatus> {
  const record = readRecord(stack.layout, service);
  const address = shownAddress(service, stack.env);
  const pids = stack.pids(service);
  const source = record?.source ?? (await stack.sourceOf(service));
  const answers = await isReady(service, stack.context);
  const alive = record?.container ? await containerRuns(record.container) : pids.length > 0;
  const asked = service === "gateway" ? machineAddresses(stack.env, 1)[0]! : address;
  const health = alive && asked.startsWith("http") ? await healthOf(asked) : null;
  return {
    service,
    state: stateOf({ record, source, answers, alive, processes: pids.length, health }),
    source,
    runtime: hasRuntime(service) ? stack.runtimeOf(service) : null,
    address,
    pids,
    since: alive ? (record?.startedAt ?? null) : null,
    rss: rssOf(pids),
    health,
  };
}

/** What runs, in the order of starting. */
export function stackStatus(stack: Stack): Promise<ServiceStatus[]> {
  return Promise.all(SERVICES.map((service) => statusOf(stack, service)));
}
