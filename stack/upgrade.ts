import { stopContainer } from "./docker.ts";
import { NATIVE_SERVICES } from "./native-services.ts";
import { GENERATION, readRecord, type ServiceRecord, stopProcesses, writeRecord } from "./processes.ts";
import type { StackContext } from "./service.ts";
import { type BaseService, SERVICES, type ServiceName } from "./service-names.ts";

const runs = (record: ServiceRecord) => record.source === "docker" || record.processes.length > 0;

/**
 * Stops services that an earlier release started and that cannot work with those of this one: its Redis and PostgreSQL have no
 * passwords, and its gateway and consumers know none. Their records stay, so that they start again as they were.
 * @returns the services that must be started again, whichever were asked for
 */
export async function stopEarlierRelease(context: StackContext): Promise<ServiceName[]> {
  const { layout, progress } = context;
  const records = new Map(SERVICES.map((name) => [name, readRecord(layout, name)]));
  const running = SERVICES.filter((name) => records.get(name) && runs(records.get(name)!));
  const isEarlier = running.some((name) => (records.get(name)!.generation ?? 0) < GENERATION);
  if (!isEarlier) return [];
  progress.begin("upgrade", `restarting ${running.join(", ")}: an earlier release started them, without passwords`);
  for (const name of running.toReversed()) {
    const record = records.get(name)!;
    const { stopSignal, stopTimeoutS } = NATIVE_SERVICES[name];
    if (record.source === "docker") await stopContainer(context, name as BaseService);
    else await stopProcesses(record.processes, stopSignal, stopTimeoutS);
    writeRecord(layout, name, { ...record, processes: [], generation: GENERATION });
  }
  progress.done("upgrade", `stopped ${running.join(", ")} of an earlier release; Redis and PostgreSQL get passwords`);
  return running;
}
