import { sql } from "drizzle-orm";
import { index, jsonb, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import { id, time } from "./columns.ts";

/** Operators' calls that carried an Idempotency-Key, with what they were answered: a repeat changes nothing. */
export const operatorRequests = pgTable(
  "operator_requests",
  {
    actor: id("actor").notNull(),
    idempotencyKey: id("idempotency_key").notNull(),
    // SHA-256 of what was asked, in hex: another request under the same key is refused.
    requestHash: text("request_hash").notNull(),
    answer: jsonb("answer").$type<Record<string, unknown>>().notNull(),
    at: time("at").notNull().default(sql`now()`),
  },
  (t) => [primaryKey({ columns: [t.actor, t.idempotencyKey] }), index("operator_requests_by_age").on(t.at)],
);
