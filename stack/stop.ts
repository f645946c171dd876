import { rmSync } from "node:fs";
import { forgetIdleShape } from "./change-shape.ts";
import { stopContainer, wipeContainers } from "./docker.ts";
import { NATIVE_SERVICES } from "./native-services.ts";
import { wipePostgres } from "./postgres.ts";
import { forgetRecord, readRecord, stopProcesses } from "./processes.ts";
import { secondsSince } from "./progress.ts";
import type { NativeService, StackContext } from "./service.ts";
import { type BaseService, SERVICES, type ServiceName } from "./service-names.ts";

/** Stops what `up` started of one service. @returns whether there was anything to stop */
export async function stopService(context: StackContext, service: NativeService): Promise<boolean> {
  const begun = performance.now();
  const record = readRecord(context.layout, service.name);
  if (record === null) return false;
  const ran = record.source === "docker" || record.processes.length > 0;
  if (record.source === "docker") await stopContainer(context, service.name as BaseService);
  else await stopProcesses(record.processes, service.stopSignal, service.stopTimeoutS);
  forgetRecord(context.layout, service.name);
  if (ran) context.progress.done(service.name, `stopped in ${secondsSince(begun)}`);
  return ran;
}

/** Deletes the data of services (which must be stopped). */
async function wipeData(context: StackContext, services: readonly ServiceName[], docker: boolean): Promise<void> {
  if (docker && services.length === SERVICES.length) await wipeContainers(context);
  for (const service of services) {
    if (service === "postgres") wipePostgres(context.layout);
    else rmSync(context.layout.dataOf(service), { recursive: true, force: true });
  }
  context.progress.done("data", `deleted (${services.join(", ")})`);
}

/**
 * Stops services, the last started first. The caller holds the stack's lock.
 * @param wipe whether their data is deleted too
 * @returns whether anything ran
 */
export async function bringDown(
  context: StackContext,
  services: readonly ServiceName[],
  wipe: boolean,
): Promise<boolean> {
  const docker = services.some((name) => readRecord(context.layout, name)?.source === "docker");
  let ran = false;
  for (const name of SERVICES.toReversed()) {
    if (services.includes(name)) ran = (await stopService(context, NATIVE_SERVICES[name])) || ran;
  }
  forgetIdleShape(context);
  if (wipe) await wipeData(context, services, docker);
  return ran;
}
