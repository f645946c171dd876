import type { Kafka, Producer } from "../../kafka/kafka.ts";
import type { RoleName } from "../role-names.ts";
import type { Log } from "./log.ts";
import type { EngineMetrics } from "./metrics.ts";
import type { Role } from "./role.ts";
import { startRunner } from "./runner.ts";
import type { RunningRole } from "./running-role.ts";

/** What every role that consumes topics is composed from. */
export interface ConsumingParts {
  readonly config: { readonly RETRY_PAUSE_MS: number };
  readonly kafka: Kafka;
  readonly producer: Pick<Producer, "sendAll">;
  readonly log: Log;
  readonly metrics: Omit<EngineMetrics, "leftOut">;
  /** Called when a role has met a bug of ours and cannot go on. */
  readonly roleEnded?: (role: string, error: unknown) => void;
}

/** Starts a role that consumes topics. */
export function startConsuming(
  name: RoleName,
  role: Role,
  { kafka, producer, log, metrics, config, roleEnded }: ConsumingParts,
): RunningRole {
  const runner = startRunner(role, {
    kafka,
    producer,
    log,
    retrying: { attempts: 3, pauseMs: config.RETRY_PAUSE_MS },
    ended: (error) => roleEnded?.(name, error),
    observe: {
      batch: (records, seconds) => metrics.batch(name, records, seconds),
      retried: () => metrics.retried(name),
      deadLettered: (code) => metrics.deadLettered(name, code),
      waiting: (waits) => metrics.waiting(name, waits),
    },
  });
  return { name, inHand: () => runner.inHand(), stop: (graceMs) => runner.stop(graceMs) };
}
