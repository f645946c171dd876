import { containerRuns, startContainer } from "./docker.ts";
import { ADDRESS_VARIABLE, shownAddress } from "./env.ts";
import { readRecord, writeRecord } from "./processes.ts";
import { secondsSince } from "./progress.ts";
import type { NativeService, StackContext } from "./service.ts";
import type { BaseService, ServiceName, Source } from "./service-names.ts";
import { type StartOptions, startNative } from "./start-native.ts";
import { untilReady } from "./until-ready.ts";

const told = (context: StackContext, service: ServiceName, source: Source) =>
  `(${source}, ${shownAddress(service, context.env)})`;

async function startExternal(context: StackContext, service: BaseService, signal?: AbortSignal): Promise<boolean> {
  const begun = performance.now();
  const remedy = `check ${ADDRESS_VARIABLE[service]}`;
  await untilReady(context, service, { timeoutS: 30, processes: [], remedy, signal });
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
