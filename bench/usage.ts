import { cpuMicros, familyBytes, familyOf, pidsOf } from "./processes.ts";
import type { Target } from "./target.ts";

/** The stack's services that work for an order. */
export const SERVICES = ["gateway", "consumers", "payment-simulator", "redis", "kafka", "postgres"] as const;
export type Service = (typeof SERVICES)[number];

/** Per service; null: it runs elsewhere, or can't be read. */
export type Usage = Readonly<Record<Service, number | null>>;

const perService = (target: Target, measure: (pids: readonly number[]) => number | null): Usage =>
  Object.fromEntries(SERVICES.map((service) => [service, measure(familyOf(pidsOf(target.runDir, service)))])) as Record<
    Service,
    number | null
  >;

/** CPU time so far, microseconds. */
export const cpuOf = (target: Target): Usage => perService(target, cpuMicros);

/** Resident memory, MB. */
export const megabytesOf = (target: Target): Usage =>
  perService(target, (pids) => {
    const bytes = familyBytes(pids);
    return bytes === null ? null : bytes / 2 ** 20;
  });
