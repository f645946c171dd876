import { Counter, Gauge, type Registry } from "prom-client";
import type { RetentionObserver } from "./round.ts";

export interface RetentionMetrics extends RetentionObserver {
  /** Tables of which a month to come has no partition. */
  missingPartitions(table: string, months: number): void;
  /** Bytes that one Redis uses, and may use (0: no limit). */
  redisMemory(server: string, used: number, limit: number): void;
}

export function createRetentionMetrics(registry: Registry): RetentionMetrics {
  const registers = [registry];
  const gauge = (name: string, help: string, labelNames: string[]) => new Gauge({ name, help, labelNames, registers });
  const deleted = new Counter({
    name: "stampede_retention_deleted_total",
    help: "Rows that were deleted or emptied, and sales that left Redis, because they had been kept long enough",
    labelNames: ["kind"],
    registers,
  });
  const oldest = gauge("stampede_retention_oldest_seconds", "Age of the oldest that is kept, at the last round", [
    "kind",
  ]);
  const stuck = gauge(
    "stampede_retention_stuck_sales",
    "Ended sales that Redis keeps because PostgreSQL lacks something",
    [],
  );
  const months = gauge("stampede_missing_partitions", "Months to come without a partition", ["table"]);
  const memory = gauge("stampede_redis_memory_bytes", "Memory of a Redis, used and allowed (0: no limit)", [
    "server",
    "what",
  ]);
  return {
    deleted: (kind, rows) => deleted.inc({ kind }, rows),
    oldest: (kind, at) => oldest.set({ kind }, at === null ? 0 : Math.max(0, (Date.now() - at.getTime()) / 1_000)),
    stuckSales: (sales) => stuck.set(sales),
    missingPartitions: (table, count) => months.set({ table }, count),
    redisMemory(server, used, limit) {
      memory.set({ server, what: "used" }, used);
      memory.set({ server, what: "limit" }, limit);
    },
  };
}
