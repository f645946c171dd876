import { sql } from "drizzle-orm";
import { bigint, customType, index, integer, jsonb, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import { id, time } from "./columns.ts";

/**
 * The event store, append-only: what went through the log, once per event id.
 * `position` is not the order of commits: a reader that keeps a checkpoint takes only rows whose transaction is older than
 * every running one (`written_by < pg_snapshot_xmin(pg_current_snapshot())`), or it would step over rows still to come.
 * (stream, sequence) is not unique: a fault that repeats a number must be seen here, not refused.
 * Partitioned by the month in which it occurred (partitions.ts). When an event occurred is part of it, the same in every
 * copy, so event id and time together are as unique as the id alone.
 */
export const events = pgTable(
  "events",
  {
    eventId: text("event_id").notNull(),
    position: bigint("position", { mode: "number" }).notNull().generatedAlwaysAsIdentity(),
    writtenBy: customType<{ data: string }>({ dataType: () => "xid8" })("written_by")
      .notNull()
      .default(sql`pg_current_xact_id()`),
    topic: text("topic").notNull().default(""),
    key: text("key"),
    type: text("type").notNull(),
    version: integer("version").notNull().default(1),
    aggregateId: id("aggregate_id").notNull(),
    stream: id("stream").notNull(),
    sequence: bigint("sequence", { mode: "number" }).notNull(),
    occurredAt: time("occurred_at").notNull(),
    correlationId: text("correlation_id").notNull(),
    causationId: text("causation_id"),
    data: jsonb("data").$type<Record<string, unknown>>().notNull(),
    storedAt: time("stored_at").notNull().default(sql`now()`),
  },
  (t) => [
    primaryKey({ name: "events_pkey", columns: [t.eventId, t.occurredAt] }),
    index("events_position").on(t.position),
    index("events_by_stream").on(t.aggregateId, t.stream, t.sequence),
  ],
);
