import { existsSync } from "node:fs";
import { inheritedEnvironment } from "../config.ts";
import { CliError } from "../errors.ts";
import { secondsSince } from "../terminal/progress.ts";
import { shownAddress } from "./env.ts";
import { listenerOn, listenersOn } from "./ports.ts";
import {
  lengthOf,
  type ProcessMark,
  readRecord,
  type ServiceRecord,
  spawnDetached,
  stopProcesses,
  writeRecord,
} from "./processes.ts";
import { changedVariant, runtimeOf } from "./runtime.ts";
import type { NativeService, StackContext } from "./service.ts";
import type { StartOptions } from "./start.ts";
import { untilReady } from "./until-ready.ts";

/** Seconds that a start which failed gets to stop by itself. */
const GIVE_UP_S = 2;

function refuseForeignListeners(context: StackContext, service: NativeService): void {
  for (const { port, variable } of service.ports(context)) {
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
    wanted: options.workers ?? before?.wanted ?? 1,
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
  const workers = plan.wanted > 1 ? `, ${plan.wanted} workers` : "";
  const runtime = runtimeOf(plan.variant);
  const told = `(native${runtime === "node" ? " on Node" : ""}, ${plan.address}${workers})`;
  let processes: readonly ProcessMark[] = await kept(service, before, plan);
  const missing = plan.wanted - processes.length;
  const { signal } = options;
  if (missing === 0) {
    await untilReady(context, service.name, { timeoutS: service.startTimeoutS, processes, signal });
    progress.done(service.name, `already up ${told}`);
    return false;
  }
  if (processes.length === 0) {
    refuseForeignListeners(context, service);
    await service.prepare?.(context);
    signal?.throwIfAborted();
  }
  const logFile = layout.logOf(service.name);
  const logFrom = lengthOf(logFile);
  const env = { ...inheritedEnvironment(), ...plan.variant, ...(plan.wanted > 1 ? { REUSE_PORT: "1" } : {}) };
  const record = { ...plan, startedAt: Date.now() };
  for (let i = 0; i < missing; i++) {
    processes = [...processes, spawnDetached(service.command(context, runtime), { cwd: layout.root, env, logFile })];
    writeRecord(layout, service.name, { ...record, processes });
  }
  try {
    // An answer on a shared port says that one of them is ready.
    const [first] = service.ports(context);
    const also = () => !existsSync("/proc/net/tcp") || listenersOn(first!.port) >= plan.wanted;
    await untilReady(context, service.name, { timeoutS: service.startTimeoutS, processes, logFrom, also, signal });
  } catch (error) {
    await stopProcesses(processes, service.stopSignal, GIVE_UP_S);
    writeRecord(layout, service.name, { ...record, processes: [] });
    throw error;
  }
  progress.done(service.name, `ready in ${secondsSince(begun)} ${told}`);
  return true;
}
