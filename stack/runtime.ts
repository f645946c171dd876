import type { ServiceRecord } from "./processes.ts";
import type { ServiceName } from "./service-names.ts";

/** What runs the gateway and the consumers. */
export const RUNTIMES = ["bun", "node"] as const;
export type RuntimeName = (typeof RUNTIMES)[number];

/** Part of a process' environment, so that a service that runs on the other one is restarted. */
const VARIABLE = "STAMPEDE_RUNTIME";

export const hasRuntime = (service: ServiceName): boolean => service === "gateway" || service === "consumers";

export const runtimeVariant = (runtime: RuntimeName): Record<string, string> => ({ [VARIABLE]: runtime });

/** A service's variant with changes; on Bun it is the same as one without a runtime. */
export function changedVariant(before: ServiceRecord["variant"], changes: ServiceRecord["variant"]) {
  const { [VARIABLE]: runtime, ...variant } = { ...before, ...changes };
  return runtime === "node" ? { ...variant, ...runtimeVariant(runtime) } : variant;
}

/** The runtime of a service that was started; Bun unless something else was asked for. */
export function runtimeOf(variant: ServiceRecord["variant"]): RuntimeName {
  return variant?.[VARIABLE] === "node" ? "node" : "bun";
}
