import { sql } from "drizzle-orm";
import { check, index, integer, json, jsonb, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import type { SagaState } from "../../contracts/orders/saga-state.ts";
import {
  ORDER_STATUSES,
  type OrderStatus,
  STEP_OUTCOMES,
  STEPS,
  type Step,
  type StepOutcome,
} from "../../contracts/orders/steps.ts";
import { id, oneOf, time } from "./columns.ts";

/**
 * Where an order's saga stands. `state` is the saga's own (contracts/orders/saga-state.ts), `version` counts its transitions.
 * due_at: when the sweeper looks at it next, NULL once settled. Move it seldom: it is indexed, and an update that leaves it
 * alone stays on its page.
 */
export const orderSagas = pgTable(
  "order_sagas",
  {
    orderId: id("order_id").primaryKey(),
    status: text("status").$type<OrderStatus>().notNull(),
    version: integer("version").notNull().default(0),
    // json, not jsonb: it is written four times an order and read as a whole. As text that costs half (docs/decisions).
    state: json("state").$type<SagaState>().notNull(),
    dueAt: time("due_at"),
    // When silent steps are given up: created_at and ORDER_SETTLE_S.
    settleBy: time("settle_by"),
    // How often the sweeper spoke about it.
    attempts: integer("attempts").notNull().default(0),
    createdAt: time("created_at").notNull().default(sql`now()`),
    updatedAt: time("updated_at").notNull().default(sql`now()`),
  },
  (t) => [
    check("order_sagas_status", oneOf(t.status, ORDER_STATUSES)),
    check("order_sagas_version", sql`${t.version} >= 0`),
    check("order_sagas_attempts", sql`${t.attempts} >= 0`),
    index("order_sagas_due").on(t.dueAt).where(sql`${t.dueAt} IS NOT NULL`),
    // For role retention. It never changes, so updates stay on their page.
    index("order_sagas_by_age").on(t.createdAt),
  ],
);

/**
 * The one row that arbitrates a step of an order: the transaction that inserts it applies the effect, all others repeat what
 * it says. TOMBSTONE: the restore came first, and the command is always refused. restored_at: when the effect was taken back.
 */
export const stepOutcomes = pgTable(
  "step_outcomes",
  {
    orderId: id("order_id").notNull(),
    step: text("step").$type<Step>().notNull(),
    outcome: text("outcome").$type<StepOutcome>().notNull(),
    reason: text("reason"),
    productId: id("product_id"),
    createdAt: time("created_at").notNull().default(sql`now()`),
    restoredAt: time("restored_at"),
  },
  (t) => [
    primaryKey({ columns: [t.orderId, t.step] }),
    check("step_outcomes_step", oneOf(t.step, STEPS)),
    check("step_outcomes_outcome", oneOf(t.outcome, STEP_OUTCOMES)),
    check("step_outcomes_reason", sql`(${t.outcome} = 'FAILED') = (${t.reason} IS NOT NULL)`),
    check("step_outcomes_restored", sql`${t.outcome} <> 'FAILED' OR ${t.restoredAt} IS NULL`),
  ],
);

/** Commands that wait for an ill neighbour; sent again when due, then deleted. By event id, so parking twice is once. */
export const delayedCommands = pgTable(
  "delayed_commands",
  {
    eventId: text("event_id").primaryKey(),
    orderId: id("order_id").notNull(),
    step: text("step").$type<Step>().notNull(),
    topic: text("topic").notNull(),
    key: text("key"),
    // The record as it was, byte for byte.
    value: text("value").notNull(),
    headers: jsonb("headers").$type<Record<string, string>>().notNull().default({}),
    reason: text("reason").notNull(),
    attempts: integer("attempts").notNull().default(0),
    dueAt: time("due_at").notNull(),
    createdAt: time("created_at").notNull().default(sql`now()`),
  },
  (t) => [
    index("delayed_commands_due").on(t.dueAt),
    index("delayed_commands_by_order").on(t.orderId),
    check("delayed_commands_step", oneOf(t.step, STEPS)),
    check("delayed_commands_attempts", sql`${t.attempts} >= 0`),
  ],
);
