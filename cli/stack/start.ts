import { inheritedEnvironment } from "../config.ts";
import { CliError } from "../errors.ts";
import { secondsSince } from "../terminal/progress.ts";
import { containerRuns, startContainer } from "./docker.ts";
import { shownAddress } from "./env.ts";
import { listenerOn } from "./ports.ts";
import {
  isAlive,
  lastLine,
  type ProcessMark,
  readRecord,
  spawnDetached,
  stopProcesses,
  writeRecord,
} from "./processes.ts";
import { isReady } from "./ready.ts";
import type { BaseService, NativeService, ServiceName, Source, StackContext } from "./service.ts";

export interface StartOptions {
  /** Processes that share the port; undefined: as many as before, at first one. */
  readonly workers?: number | undefined;
  /** More environment; a service that runs with another one is restarted. */
  readonly extraEnv?: Readonly<Record<string, string>> | undefined;
  readonly signal?: AbortSignal | undefined;
}

const POLL_MS = 50;

/** Waits until a service answers. @throws CliError when it does not in time, or one of its processes died */
async function untilReady(
  context: StackContext,
  service: ServiceName,
  options: { timeoutS: number; processes: readonly ProcessMark[]; signal?: AbortSignal | undefined },
): Promise<void> {
  const deadline = performance.now() + options.timeoutS * 1000;
  const log = context.layout.logOf(service);
  while (!(await isReady(service, context))) {
    options.signal?.throwIfAborted();
    const dead = options.processes.find((process) => !isAlive(process));
    if (dead) throw new CliError(`${service} stopped while it started: ${lastLine(log).slice(0, 300)} (${log})`);
    if (performance.now() > deadline) {
      const where = shownAddress(service, context.env);
      throw new CliError(
        `${service} at ${where} did not answer within ${options.timeoutS} s: see \`./dev logs ${service}\``,
      );
    }
    await Bun.sleep(POLL_MS);
  }
}

function refuseForeignListeners(context: StackContext, service: NativeService): void {
  for (const { port, variable } of service.ports(context)) {
    const foreign = listenerOn(port);
    if (!foreign) continue;
    const who = foreign.pid === null ? foreign.command : `${foreign.command} (pid ${foreign.pid})`;
    throw new CliError(`port ${port} is in use by ${who}: stop it or set ${variable}`);
  }
}

const told = (context: StackContext, service: ServiceName, source: Source) =>
  `(${source}, ${shownAddress(service, context.env)})`;

async function startExternal(context: StackContext, service: BaseService, signal?: AbortSignal): Promise<boolean> {
  const begun = performance.now();
  await untilReady(context, service, { timeoutS: 30, processes: [], signal });
  context.progress.done(service, `answers after ${secondsSince(begun)} ${told(context, service, "environment")}`);
  return false;
}

async function startDocker(context: StackContext, service: BaseService, signal?: AbortSignal): Promise<boolean> {
  const begun = performance.now();
  const before = readRecord(context.layout, service);
  const ran = before?.container !== undefined && (await containerRuns(before.container));
  if (!ran) {
    context.progress.begin(service, "starting its container");
    const { container, pid } = await startContainer(context, service);
    const address = shownAddress(service, context.env);
    const record = { source: "docker" as const, address, wanted: 1, startedAt: Date.now(), container };
    writeRecord(context.layout, service, { ...record, processes: [{ pid, began: "in a container" }] });
  }
  await untilReady(context, service, { timeoutS: 90, processes: [], signal });
  const text = ran ? "already up" : `ready in ${secondsSince(begun)}`;
  context.progress.done(service, `${text} ${told(context, service, "docker")}`);
  return !ran;
}

async function startNative(context: StackContext, service: NativeService, options: StartOptions): Promise<boolean> {
  const begun = performance.now();
  const { layout } = context;
  const before = readRecord(layout, service.name);
  let running = before?.source === "native" ? before.processes : [];
  const wanted = options.workers ?? before?.wanted ?? 1;
  const variant = options.extraEnv === undefined ? (before?.variant ?? {}) : options.extraEnv;
  const otherwise = before !== null && (before.wanted !== wanted || !Bun.deepEquals(before.variant ?? {}, variant));
  if (running.length > 0 && otherwise) {
    await stopProcesses(running, service.stopSignal, service.stopTimeoutS);
    running = [];
  }
  const missing = wanted - running.length;
  const record = {
    source: "native" as const,
    address: shownAddress(service.name, context.env),
    wanted,
    variant,
    startedAt: missing > 0 || before === null ? Date.now() : before.startedAt,
  };
  let processes = running;
  if (missing > 0) {
    if (running.length === 0) {
      refuseForeignListeners(context, service);
      await service.prepare?.(context);
      options.signal?.throwIfAborted();
    }
    const env = { ...inheritedEnvironment(), ...variant, ...(wanted > 1 ? { REUSE_PORT: "1" } : {}) };
    for (let i = 0; i < missing; i++) {
      const mark = spawnDetached(service.command(context), {
        cwd: layout.root,
        env,
        logFile: layout.logOf(service.name),
      });
      processes = [...processes, mark];
      writeRecord(layout, service.name, { ...record, processes });
    }
  }
  try {
    await untilReady(context, service.name, { timeoutS: service.startTimeoutS, processes, signal: options.signal });
  } catch (error) {
    if (missing > 0) {
      await stopProcesses(processes, service.stopSignal, 2);
      writeRecord(layout, service.name, { ...record, processes: [] });
    }
    throw error;
  }
  const workers = wanted > 1 ? `, ${wanted} workers` : "";
  const text = missing > 0 ? `ready in ${secondsSince(begun)}` : "already up";
  context.progress.done(service.name, `${text} (native, ${record.address}${workers})`);
  return missing > 0;
}

/**
 * Makes sure that a service runs and answers.
 * @returns whether this call started something
 * @throws CliError one sentence that says what to do
 */
export function startService(
  context: StackContext,
  service: NativeService,
  source: Source,
  options: StartOptions,
): Promise<boolean> {
  if (source === "native") return startNative(context, service, options);
  const name = service.name as BaseService;
  return source === "docker"
    ? startDocker(context, name, options.signal)
    : startExternal(context, name, options.signal);
}
