import { Gauge, type Registry } from "prom-client";
import { metricMakers } from "./metric-makers.ts";

/** What every role tells of its batches and rounds. */
export interface EngineMetrics {
  batch(role: string, records: number, seconds: number): void;
  retried(role: string): void;
  deadLettered(role: string, code: string): void;
  /** Alert on this one: the role stands still because a service that it needs is away. */
  waiting(role: string, waits: boolean): void;
  /** Alert on this one: sales or buckets that the role cannot treat while it treats the others. */
  leftOut(role: string, things: number): void;
}

/** @param inHand records in hand by role */
export function createEngineMetrics(registry: Registry, inHand: () => ReadonlyMap<string, number>): EngineMetrics {
  const { counter, gauge, histogram } = metricMakers(registry);
  const records = counter("stampede_consumed_records_total", "Records whose effects are safe", ["role"]);
  const retries = counter("stampede_consumer_retries_total", "Batches that failed and were tried again", ["role"]);
  const dead = counter("stampede_dead_letters_total", "Records that no retry helped", ["role", "code"]);
  const seconds = histogram(
    "stampede_consumer_batch_seconds",
    "From the start of a batch until its offsets can be committed",
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30],
    ["role"],
  );
  const waiting = gauge("stampede_consumer_waiting", "1: the role stands still until a service that it needs is back", [
    "role",
  ]);
  const leftOut = gauge(
    "stampede_left_out",
    "Sales or order buckets that the role cannot treat now (the log names them); the others go on",
    ["role"],
  );
  new Gauge({
    name: "stampede_consumer_in_hand",
    help: "Records taken from the log whose effects are not safe yet",
    labelNames: ["role"],
    registers: [registry],
    collect() {
      for (const [role, count] of inHand()) this.set({ role }, count);
    },
  });
  return {
    batch(role, count, duration) {
      records.inc({ role }, count);
      seconds.observe({ role }, duration);
    },
    retried: (role) => retries.inc({ role }),
    deadLettered: (role, code) => dead.inc({ role, code }),
    waiting: (role, waits) => waiting.set({ role }, waits ? 1 : 0),
    leftOut: (role, things) => leftOut.set({ role }, things),
  };
}
