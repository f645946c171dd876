import { sql } from "drizzle-orm";
import { boolean, check, index, integer, jsonb, pgTable, text, unique } from "drizzle-orm/pg-core";
import { amount, id, oneOf, serial, time } from "./columns.ts";

/**
 * INTENT: the provider may or may not know of it; workers ask until it is definite. All others are what the provider
 * said. A capture that appears on a VOIDED or DECLINED row makes it CAPTURED again, and its return is then wanted.
 */
export const PAYMENT_STATUSES = ["INTENT", "CAPTURED", "DECLINED", "VOIDED", "REFUNDED"] as const;
export type PaymentStatus = (typeof PAYMENT_STATUSES)[number];

/** A payment is one per order; the order's id is the idempotency key at the provider, `refund:<orderId>` the refund's. */
export const payments = pgTable(
  "payments",
  {
    id: serial(),
    orderId: id("order_id").notNull(),
    userId: id("user_id").notNull().default(""),
    amount: amount("amount").notNull().default(0),
    currency: text("currency").notNull().default("EUR"),
    // What the client's provider gave for the card; never a card number.
    token: text("token").notNull().default(""),
    status: text("status").$type<PaymentStatus>().notNull().default("INTENT"),
    capturedAmount: amount("captured_amount").notNull().default(0),
    refundedAmount: amount("refunded_amount").notNull().default(0),
    // Of refunded_amount: what went back at the provider's own desk, of a payment that we meant to keep.
    refundedElsewhere: amount("refunded_elsewhere").notNull().default(0),
    // In which the provider captured; NULL: nothing was captured (or by a version that did not look).
    capturedCurrency: text("captured_currency"),
    failureReason: text("failure_reason"),
    // The provider's own name for it, once known.
    providerReference: text("provider_reference"),
    // The saga wants the money back: no capture may stay.
    returnWanted: boolean("return_wanted").notNull().default(false),
    // The provider reported something that this row does not say: ask it.
    checkWanted: boolean("check_wanted").notNull().default(false),
    // Work is due at next_attempt_at, unless a worker holds the lease.
    nextAttemptAt: time("next_attempt_at").default(sql`now()`),
    leaseOwner: text("lease_owner"),
    leaseUntil: time("lease_until"),
    attempts: integer("attempts").notNull().default(0),
    createdAt: time("created_at").notNull().default(sql`now()`),
    updatedAt: time("updated_at").notNull().default(sql`now()`),
  },
  (t) => [
    unique("payments_order").on(t.orderId),
    check("payments_status", oneOf(t.status, PAYMENT_STATUSES)),
    check(
      "payments_amounts",
      sql`${t.amount} >= 0 AND ${t.refundedAmount} >= 0 AND ${t.refundedAmount} <= ${t.capturedAmount}`,
    ),
    check("payments_refunded_elsewhere", sql`${t.refundedElsewhere} >= 0`),
    // Tokens that role retention has not removed yet.
    index("payments_with_token").on(t.createdAt).where(sql`${t.token} <> ''`),
    // What a worker looks for: not definite yet, to be given back, or to be asked about.
    index("payments_with_work")
      .on(t.nextAttemptAt)
      .where(sql`${t.status} = 'INTENT' OR (${t.status} = 'CAPTURED' AND ${t.returnWanted}) OR ${t.checkWanted}`),
  ],
);

/** A shipment per order. CANCELLED: its restore was asked for before it left. */
export const shipments = pgTable(
  "shipments",
  {
    id: serial(),
    orderId: id("order_id").notNull(),
    status: text("status").$type<"PREPARED" | "CANCELLED">().notNull().default("PREPARED"),
    country: text("country").notNull(),
    address: jsonb("address").$type<Record<string, unknown>>().notNull().default({}),
    createdAt: time("created_at").notNull().default(sql`now()`),
    updatedAt: time("updated_at").notNull().default(sql`now()`),
  },
  (t) => [
    unique("shipments_order").on(t.orderId),
    check("shipments_status", oneOf(t.status, ["PREPARED", "CANCELLED"])),
    check("shipments_country", sql`${t.country} ~ '^[A-Z]{2}$'`),
  ],
);
