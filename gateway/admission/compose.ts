import type { Logger } from "pino";
import type { GatewayConfig } from "../config.ts";
import { problem } from "../http/problem.ts";
import type { GatewayMetrics } from "../machines/metrics.ts";
import type { ConnectionLimit } from "../transports/transport.ts";
import { ByteBudget } from "./byte-budget.ts";
import { Crowd } from "./crowd.ts";
import { connectionLimits, descriptorsInUse } from "./descriptors.ts";
import { RateLimits } from "./rate-limits.ts";
import { ReadQueue } from "./read-queue.ts";
import { LIMIT_KINDS, RefusalLog } from "./refusal-log.ts";

const MEGABYTE = 1_024 * 1_024;

/** The limits of one gateway process. */
export interface GatewayLimits {
  readonly limits: RateLimits;
  readonly reads: ReadQueue;
  readonly bodies: ByteBudget;
  readonly connections: ConnectionLimit;
  /** Sockets that may be open at once. */
  readonly sockets: number;
  readonly refusals: RefusalLog;
  stop(): void;
}

/** Makes the limits, and their metrics. Call it when Redis, PostgreSQL and Kafka are connected: their descriptors are not counted. */
export function composeLimits(
  config: GatewayConfig,
  log: Pick<Logger, "warn" | "info">,
  metrics: Pick<GatewayMetrics, "gauge" | "refusals">,
): GatewayLimits {
  const refusals = new RefusalLog(log);
  const reads = new ReadQueue(
    { running: config.MAX_READS, waiting: config.MAX_WAITING_READS, deadlineMs: config.READ_DEADLINE_MS },
    () => refusals.refused("reads"),
  );
  const bodies = new ByteBudget(config.MAX_BODIES_MB * MEGABYTE, () => refusals.refused("bodies"));
  const { connections, sockets } = connectionLimits({
    connections: config.MAX_CONNECTIONS,
    sockets: config.MAX_SOCKETS,
  });
  const others = descriptorsInUse() ?? 0;
  const crowd = new Crowd(connections, () => {
    const used = descriptorsInUse();
    return used === undefined ? undefined : used - others;
  });
  log.info({ connections, sockets }, "limits of connections");
  metrics.refusals(LIMIT_KINDS, (kind) => refusals.total(kind));
  metrics.gauge("stampede_connections", "Connections of clients, sockets included", () => crowd.connections);
  metrics.gauge("stampede_reads_running", "Reads that Redis or PostgreSQL answers now", () => reads.running);
  metrics.gauge("stampede_reads_waiting", "Reads that wait for their turn", () => reads.waiting);
  metrics.gauge("stampede_body_bytes", "Bytes reserved for bodies that arrive", () => bodies.taken);
  return {
    limits: new RateLimits({
      user: { perSecond: config.USER_RATE_PER_S, burst: config.USER_RATE_BURST },
      address: { perSecond: config.ADDRESS_RATE_PER_S, burst: config.ADDRESS_RATE_BURST },
      trustedProxies: config.trustedProxies,
      refusals,
    }),
    reads,
    bodies,
    connections: {
      get isBusy() {
        return crowd.isBusy;
      },
      get isFull() {
        return crowd.isFull;
      },
      refusal() {
        refusals.refused("connections");
        return problem("OVERLOADED");
      },
      left: () => crowd.left(),
    },
    sockets,
    refusals,
    stop: () => crowd.stop(),
  };
}
