import type { GatewayConnections } from "../connections.ts";
import type { Endpoint } from "../http/endpoint.ts";
import { createReadiness, type LookAtReadiness, liveness, readiness } from "./health.ts";
import type { GatewayMetrics } from "./metrics.ts";
import { showMetrics } from "./show-metrics.ts";

export interface MachineParts {
  readonly ready: LookAtReadiness;
  readonly metrics: () => Promise<string>;
}

export const machineEndpoints = ({ ready, metrics }: MachineParts): Endpoint[] => [
  liveness("machine", "getLiveness"),
  liveness("public", "getPublicLiveness"),
  readiness(ready),
  showMetrics(metrics),
];

/** What load balancers and Prometheus ask. */
export function composeMachines(
  { redis, producer, database }: GatewayConnections,
  metrics: GatewayMetrics,
  isStopping: () => boolean,
): Endpoint[] {
  metrics.gauge("stampede_producer_queued", "Records waiting for Kafka's report", () => producer.stats().queued);
  const probes = {
    redis: async () => void (await redis.ping()),
    async kafka() {
      if (!producer.stats().connected) throw new Error("no broker is connected");
    },
    database: () => database.ping(1_000),
  };
  return machineEndpoints({ ready: createReadiness(probes, isStopping), metrics: metrics.text });
}
