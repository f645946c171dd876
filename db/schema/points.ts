import { sql } from "drizzle-orm";
import { check, index, pgTable, text, uniqueIndex } from "drizzle-orm/pg-core";
import { amount, id, serial, time } from "./columns.ts";

/** A user's points. Users need no row: no row is a balance of 0. */
export const pointBalances = pgTable(
  "point_balances",
  {
    userId: id("user_id").primaryKey(),
    balance: amount("balance").notNull().default(0),
    updatedAt: time("updated_at").notNull().default(sql`now()`),
  },
  (t) => [check("point_balances_balance", sql`${t.balance} BETWEEN 0 AND 9007199254740991`)],
);

/**
 * Every change of a balance; a balance is the sum of its rows. Append-only.
 * With an order: what it took (delta < 0) and what it gave back (delta > 0), each at most once. Without: an operator's.
 */
export const pointLedger = pgTable(
  "point_ledger",
  {
    id: serial(),
    userId: id("user_id").notNull(),
    orderId: id("order_id"),
    delta: amount("delta").notNull(),
    // The operator's words for a grant; ORDER or ORDER_RESTORED for an order's.
    reason: text("reason").notNull().default(""),
    // Who granted it; NULL for an order's.
    actor: text("actor"),
    createdAt: time("created_at").notNull().default(sql`now()`),
  },
  (t) => [
    check("point_ledger_delta", sql`${t.delta} <> 0`),
    uniqueIndex("point_ledger_order").on(t.orderId, sql`(${t.delta} > 0)`).where(sql`${t.orderId} IS NOT NULL`),
    index("point_ledger_by_user").on(t.userId, t.id),
    // What an operator granted lately.
    index("point_ledger_grants").on(t.actor, t.createdAt).where(sql`${t.orderId} IS NULL`),
  ],
);
