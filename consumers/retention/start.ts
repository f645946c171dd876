import { makeMonths, mayPartition, missingMonths, PARTITIONED_TABLES } from "../../db/partitions.ts";
import { LEASES, withLeases } from "../../db/queries/with-leases.ts";
import { memoryOf } from "../../lua/memory.ts";
import { failureCode } from "../failure.ts";
import { complainer, type Neighbours, type RunningRole } from "../neighbours.ts";
import { createRenewedAdmin } from "../renewed-admin.ts";
import { startTicker } from "../ticker.ts";
import { requestsWait } from "./requests-wait.ts";
import { retain } from "./round.ts";

/** Whoever has just started has better things to do. */
const FIRST_AFTER_MS = 60_000;
/** Redis' memory is looked at more often than anything is deleted: it may fill up within minutes. */
const LOOK_EVERY_MS = 15_000;

/**
 * Role retention: what has been kept long enough goes (rules.ts says what, when and why). A lease lets one process of many
 * do the round. It makes the partitions of the months to come where it may; where it may not, a metric says so.
 */
export function startRetention(neighbours: Neighbours): RunningRole {
  const { config, db, redis, kafka, log, metrics } = neighbours;
  const admin = createRenewedAdmin(kafka);
  const observe = metrics.retention;
  const deps = { sql: db.sql, redis, requestsWait: () => requestsWait(admin), settings: config, log, observe };
  let dueAt = performance.now() + FIRST_AFTER_MS;

  async function partitions(): Promise<void> {
    for (const table of PARTITIONED_TABLES) {
      if (await mayPartition(db.sql, table)) await makeMonths(db.sql, table);
      const missing = await missingMonths(db.sql, table);
      observe.missingPartitions(table, missing.length);
      if (missing.length > 0)
        log.warn({ role: "retention", table }, "months to come have no partition: ./dev db partitions");
    }
  }

  async function round(stopping: AbortSignal): Promise<void> {
    for (const { server, used, limit } of await memoryOf(redis)) observe.redisMemory(server, used, limit);
    if (config.RETENTION_EVERY_S === 0 || performance.now() < dueAt) return;
    dueAt = performance.now() + config.RETENTION_EVERY_S * 1_000;
    await withLeases(db.leases, LEASES.retention, ["all"], async () => {
      await partitions().catch((error) => log.error({ role: "retention", ...failureCode(error) }, "no new partitions"));
      await retain(deps, stopping);
    });
  }

  const ticker = startTicker(LOOK_EVERY_MS, round, complainer(log, "retention"));
  return { name: "retention", inHand: () => 0, stop: () => ticker.stop().finally(() => admin.close()) };
}
