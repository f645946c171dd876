import { existsSync } from "node:fs";
import { withoutCapabilities } from "./capabilities.ts";
import { inheritedEnvironment } from "./config.ts";
import { shownAddress } from "./env.ts";
import { CliError } from "./errors.ts";
import { listenerOn, listenersOn } from "./ports.ts";
import { environmentFor } from "./process-environment.ts";
import {
  lengthOf,
  type ProcessMark,
  readRecord,
  type ServiceRecord,
  spawnDetached,
  stopProcesses,
  writeRecord,
} from "./processes.ts";
import { secondsSince } from "./progress.ts";
import { changedVariant, runtimeOf } from "./runtime.ts";
import type { NativeService, StackContext } from "./service.ts";
import { untilReady } from "./until-ready.ts";

export interface StartOptions {
  /** Processes that share the port; undefined: as many as before, at first one. */
  readonly workers?: number | undefined;
  /** More environment; a service that runs with another one is restarted. */
  readonly extraEnv?: Readonly<Record<string, string>> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Seconds that a start which failed gets to stop by itself. */
const GIVE_UP_S = 2;

function refuseForeignListeners(context: StackContext, service: NativeService, member: number): void {
  for (const { port, variable } of service.ports(context, member)) {
    const foreign = listenerOn(port);
    if (!foreign) continue;
    const who = foreign.pid === null ? foreign.command : `${foreign.command} (pid ${foreign.pid})`;
    throw new CliError(`port ${port} is in use by ${who}: stop it or set ${variable}`);
  }
}

/** How many processes there should be and with what environment: as asked for, else as before. */
function planOf(service: NativeService, context: StackContext, before: ServiceRecord | null, options: StartOptions) {
  return {
    source: "native" as const,
    address: shownAddress(service.name, context.env),
    wanted: service.members?.(context) ?? options.workers ?? before?.wanted ?? 1,
    variant: changedVariant(before?.variant, options.extraEnv),
  };
}

/** Processes that go on as they are. Those that run otherwise than planned are stopped. */
async function kept(service: NativeService, before: ServiceRecord | null, plan: ReturnType<typeof planOf>) {
  if (before?.source !== "native" || before.processes.length === 0) return [];
  if (before.wanted === plan.wanted && Bun.deepEquals(before.variant ?? {}, plan.variant)) return before.processes;
  await stopProcesses(before.processes, service.stopSignal, service.stopTimeoutS);
  return [];
}

/** Numbers of the members that do not run. */
function missingMembers(wanted: number, processes: readonly ProcessMark[]): number[] {
  const all = Array.from({ length: wanted }, (_, member) => member);
  return all.filter((member) => !processes.some((mark) => (mark.member ?? 0) === member));
}

/**
 * Makes sure that a native service runs with as many processes as it should.
 * @returns whether this call started something
 * @throws CliError if a port is taken, a process dies while it starts, or it does not answer in time
 */
export async function startNative(
  context: StackContext,
  service: NativeService,
  options: StartOptions,
): Promise<boolean> {
  const begun = performance.now();
  const { layout, progress } = context;
  const before = readRecord(layout, service.name);
  const plan = planOf(service, context, before, options);
  const isWorkers = service.members === undefined;
  const workers = plan.wanted > 1 && isWorkers ? `, ${plan.wanted} workers` : "";
  const runtime = runtimeOf(plan.variant);
  const told = `(native${runtime === "node" ? " on Node" : ""}, ${plan.address}${workers})`;
  let processes: readonly ProcessMark[] = await kept(service, before, plan);
  const missing = missingMembers(plan.wanted, processes);
  const joined = () => service.joined?.(context) ?? true;
  const { signal } = options;
  if (missing.length === 0) {
    const waiting = { timeoutS: service.startTimeoutS, processes, logFrom: 0, also: joined, signal };
    await untilReady(context, service.name, waiting);
    progress.done(service.name, `already up, with the settings of its start ${told}`);
    return false;
  }
  // The first worker's port is the others' as well.
  if (!isWorkers || processes.length === 0) {
    for (const member of missing) refuseForeignListeners(context, service, member);
    await service.prepare?.(context, missing);
    signal?.throwIfAborted();
  }
  const logFile = layout.logOf(service.name);
  const logFrom = lengthOf(logFile);
  const shared = { ...inheritedEnvironment(), ...plan.variant, ...(workers ? { REUSE_PORT: "1" } : {}) };
  const env = environmentFor(service.name, shared);
  const record = { ...plan, startedAt: Date.now() };
  for (const member of missing) {
    const command = service.command(context, runtime, member);
    // PostgreSQL changes its user by itself, which takes a capability.
    const argv = service.name === "postgres" ? command.argv : withoutCapabilities(command.argv, layout);
    const own = { argv, env: environmentFor(service.name, command.env ?? {}) };
    const mark = spawnDetached(own, { cwd: layout.root, env, logFile });
    processes = [...processes, { ...mark, member }].sort((a, b) => (a.member ?? 0) - (b.member ?? 0));
    writeRecord(layout, service.name, { ...record, processes });
  }
  try {
    // An answer on a shared port says that one of them is ready.
    const [first] = service.ports(context, 0);
    const listening = () => !existsSync("/proc/net/tcp") || listenersOn(first!.port) >= plan.wanted;
    const also = isWorkers ? listening : joined;
    await untilReady(context, service.name, { timeoutS: service.startTimeoutS, processes, logFrom, also, signal });
  } catch (error) {
    await stopProcesses(processes, service.stopSignal, GIVE_UP_S);
    writeRecord(layout, service.name, { ...record, processes: [] });
    throw error;
  }
  progress.done(service.name, `ready in ${secondsSince(begun)} ${told}`);
  return true;
}
