import type { Database } from "../../db/client.ts";
import { LEASES, withLeases } from "../../db/leases.ts";
import { makeMonths, mayPartition, missingMonths, PARTITIONED_TABLES } from "../../db/partitions.ts";
import type { Kafka } from "../../kafka/kafka.ts";
import { createRenewedAdmin } from "../../kafka/renewed-admin.ts";
import type { RedisConnection } from "../../lua/redis.ts";
import { memoryOf } from "../../lua/redis-memory.ts";
import { failureCode } from "../engine/failure.ts";
import type { Log } from "../engine/log.ts";
import type { RunningRole } from "../engine/running-role.ts";
import { logFailedRounds, startTicker } from "../engine/ticker.ts";
import type { RetentionMetrics } from "./metrics.ts";
import { requestsWait } from "./requests-wait.ts";
import type { RetentionDeps } from "./round.ts";
import { retain } from "./round.ts";

const TIMING = {
  /** From the start of the process to its first round: the roles catch up first. */
  firstAfterMs: 60_000,
  /** Redis' memory is looked at more often than anything is deleted: it may fill up within minutes. */
  lookEveryMs: 15_000,
};

export interface RetentionParts {
  readonly config: RetentionDeps["settings"] & { readonly RETENTION_EVERY_S: number };
  readonly db: Pick<Database, "sql" | "leases">;
  readonly redis: RedisConnection;
  readonly kafka: Kafka;
  readonly log: Log;
  readonly metrics: { readonly retention: RetentionMetrics };
}

/**
 * Role retention: what has been kept long enough goes (rules.ts says what, when and why). A lease lets one process of many
 * do the round. It makes the partitions of the months to come where it may; where it may not, a metric says so.
 */
export function startRetention(parts: RetentionParts, timing = TIMING): RunningRole {
  const { config, db, redis, kafka, log, metrics } = parts;
  const admin = createRenewedAdmin(kafka);
  const observe = metrics.retention;
  const deps = { sql: db.sql, redis, requestsWait: () => requestsWait(admin), settings: config, log, observe };
  const complain = logFailedRounds(log, "retention");
  let dueAt = performance.now() + timing.firstAfterMs;

  async function partitions(): Promise<void> {
    for (const table of PARTITIONED_TABLES) {
      if (await mayPartition(db.sql)) await makeMonths(db.sql, table);
      const missing = await missingMonths(db.sql, table);
      observe.missingPartitions(table, missing.length);
      if (missing.length > 0)
        log.warn({ role: "retention", table }, "months to come have no partition: ./dev db partitions");
    }
  }

  async function memory(): Promise<void> {
    for (const { server, used, limit } of await memoryOf(redis)) observe.redisMemory(server, used, limit);
  }

  async function round(stopping: AbortSignal): Promise<void> {
    // PostgreSQL's rows go whether or not Redis answers.
    await memory().catch(complain);
    const begun = performance.now();
    if (config.RETENTION_EVERY_S === 0 || begun < dueAt) return;
    await withLeases(db.leases, LEASES.retention, ["all"], async () => {
      await partitions().catch((error) => log.error({ role: "retention", ...failureCode(error) }, "no new partitions"));
      await retain(deps, stopping);
    });
    // After the round: one that PostgreSQL's absence kept from its lease is tried again at the next look.
    dueAt = begun + config.RETENTION_EVERY_S * 1_000;
  }

  const ticker = startTicker(timing.lookEveryMs, round, complain);
  return { name: "retention", inHand: () => 0, stop: () => ticker.stop().finally(() => admin.close()) };
}
