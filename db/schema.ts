import { sql } from "drizzle-orm";
import {
  bigint,
  check,
  customType,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  unique,
  uniqueIndex,
} from "drizzle-orm/pg-core";
import type { Metadata } from "../contracts/claims/http.ts";
import type { DeadLetterStatus } from "../contracts/wire/dead-letters.ts";
import type { Currency } from "../contracts/wire/money.ts";
import { id, time } from "./schema/columns.ts";

// One file per part of the domain; this one holds the sales and what all parts share.
export * from "./schema/blocks.ts";
export * from "./schema/carts.ts";
export * from "./schema/catalogue.ts";
export * from "./schema/events.ts";
export * from "./schema/operator-requests.ts";
export * from "./schema/orders.ts";
export * from "./schema/payments.ts";
export * from "./schema/points.ts";
export * from "./schema/saga.ts";

/** What the operator wants. A new sale is OPEN: it opens by itself at starts_at. */
export const SALE_INTENTS = ["OPEN", "PAUSED", "CLOSED"] as const;
export type SaleIntent = (typeof SALE_INTENTS)[number];

/**
 * Where role sale-loader stands with the sale in Redis.
 * NEW: never loaded, so no claim was ever granted. RECOVERING: fenced, what is left in ledger and log is being persisted.
 * LOADING: nothing may be inserted, the winners are being read. LOADED: Redis decides.
 */
export const LOAD_STATES = ["NEW", "RECOVERING", "LOADING", "LOADED"] as const;
export type LoadState = (typeof LOAD_STATES)[number];

export const coupons = pgTable(
  "coupons",
  {
    id: id("id").primaryKey(),
    name: text("name").notNull(),
    total: integer("total").notNull(),
    epoch: integer("epoch").notNull().default(1),
    state: text("state").$type<SaleIntent>().notNull().default("OPEN"),
    loadState: text("load_state").$type<LoadState>().notNull().default("NEW"),
    // When the loader expects to open the sale again; NULL unless it is being rebuilt.
    recoveringUntil: time("recovering_until"),
    issueMode: text("issue_mode").$type<"DIRECT" | "QUEUED">().notNull().default("DIRECT"),
    startsAt: time("starts_at").notNull(),
    endsAt: time("ends_at").notNull(),
    discountType: text("discount_type").$type<"FIXED" | "PERCENT">().notNull(),
    discountValue: bigint("discount_value", { mode: "number" }).notNull(),
    maxDiscount: bigint("max_discount", { mode: "number" }),
    minOrderAmount: bigint("min_order_amount", { mode: "number" }).notNull().default(0),
    // Of all its amounts; orders in another one cannot use it.
    currency: text("currency")
      .$type<Currency>()
      .notNull()
      .default("EUR" as Currency),
    // Orders placed from then on cannot use it. NULL: it never expires.
    validUntil: time("valid_until"),
    // Whether GET /coupons has it.
    visibility: text("visibility").$type<"LISTED" | "UNLISTED">().notNull().default("LISTED"),
    // An operator's own entries; no program reads them.
    metadata: jsonb("metadata").$type<Metadata>().notNull().default({}),
    // When role retention took the ended sale out of Redis; NULL: Redis has it, or never had it. From then on the rows here
    // are all there is, and `issued` how many coupons were out at that moment.
    leftRedisAt: time("left_redis_at"),
    issued: integer("issued"),
    createdAt: time("created_at").notNull().default(sql`now()`),
    updatedAt: time("updated_at").notNull().default(sql`now()`),
  },
  (t) => [
    check("coupons_total_positive", sql`${t.total} >= 1`),
    check("coupons_epoch_positive", sql`${t.epoch} >= 1`),
    check("coupons_window", sql`${t.startsAt} < ${t.endsAt}`),
    check("coupons_valid_until", sql`${t.validUntil} >= ${t.endsAt}`),
    check("coupons_currency", sql`${t.currency} ~ '^[A-Z]{3}$'`),
    check("coupons_state", sql`${t.state} IN ('OPEN', 'PAUSED', 'CLOSED')`),
    check("coupons_load_state", sql`${t.loadState} IN ('NEW', 'RECOVERING', 'LOADING', 'LOADED')`),
    check("coupons_issue_mode", sql`${t.issueMode} IN ('DIRECT', 'QUEUED')`),
    check("coupons_visibility", sql`${t.visibility} IN ('LISTED', 'UNLISTED')`),
    check("coupons_discount_type", sql`${t.discountType} IN ('FIXED', 'PERCENT')`),
    check(
      "coupons_discount",
      sql`${t.discountValue} > 0 AND (${t.discountType} = 'FIXED' OR ${t.discountValue} <= 100) AND coalesce(${t.maxDiscount}, 0) >= 0 AND ${t.minOrderAmount} >= 0`,
    ),
    index("coupons_by_age").on(t.createdAt, t.id),
    index("coupons_by_end").on(t.endsAt),
    // Ended sales that Redis may still hold: what role retention looks for.
    index("coupons_in_redis").on(t.endsAt).where(sql`${t.leftRedisAt} IS NULL`),
  ],
);

/**
 * One row per persisted claim, and one per claim that was given up (a tombstone: REVOKED, no slot).
 * No foreign key to coupons: it would cost a lookup and a row lock per claim; the insert joins coupons instead and a
 * trigger checks what the join promised.
 */
export const userCoupons = pgTable(
  "user_coupons",
  {
    id: bigint("id", { mode: "number" }).primaryKey().generatedByDefaultAsIdentity(),
    couponId: id("coupon_id").notNull(),
    userId: id("user_id").notNull(),
    slot: integer("slot"),
    requestId: id("request_id").notNull(),
    status: text("status").$type<"ACTIVE" | "USED" | "REVOKED">().notNull().default("ACTIVE"),
    orderId: id("order_id"),
    // The default is for rows that are written by hand (a repair, an import): the oldest epoch takes precedence over no other.
    epoch: integer("epoch").notNull().default(1),
    reason: text("reason"),
    issuedAt: time("issued_at").notNull().default(sql`now()`),
    updatedAt: time("updated_at").notNull().default(sql`now()`),
  },
  (t) => [
    // The claim's natural key: inserting and giving up the same claim exclude each other here.
    unique("user_coupons_request").on(t.requestId),
    uniqueIndex("user_coupons_user").on(t.userId, t.couponId).where(sql`${t.status} <> 'REVOKED'`),
    uniqueIndex("user_coupons_slot").on(t.couponId, t.slot).where(sql`${t.status} <> 'REVOKED'`),
    check("user_coupons_slot_positive", sql`${t.slot} >= 1`),
    check("user_coupons_status", sql`${t.status} IN ('ACTIVE', 'USED', 'REVOKED')`),
    check("user_coupons_revoked_has_no_slot", sql`(${t.status} = 'REVOKED') = (${t.slot} IS NULL)`),
  ],
);

/**
 * Accepted claims that could not be decided when they were read from the log (their sale is paused, being rebuilt, or Redis does
 * not answer about it). A row lives until role claim-relay has settled the claim.
 */
export const deferredClaims = pgTable(
  "deferred_claims",
  {
    requestId: id("request_id").primaryKey(),
    couponId: id("coupon_id").notNull(),
    userId: id("user_id").notNull(),
    // As Redis said it, which may be beyond every total.
    slot: bigint("slot", { mode: "number" }).notNull(),
    epoch: integer("epoch").notNull(),
    ledgerId: text("ledger_id").notNull(),
    attempts: integer("attempts").notNull().default(0),
    dueAt: time("due_at").notNull(),
    deferredAt: time("deferred_at").notNull().default(sql`now()`),
  },
  (t) => [
    index("deferred_claims_untried").on(t.couponId, t.attempts, t.dueAt),
    index("deferred_claims_due").on(t.couponId, t.dueAt),
  ],
);

/** A user's second request for a coupon they hold: the same win under another name. */
export const requestAliases = pgTable(
  "request_aliases",
  {
    requestId: id("request_id").primaryKey(),
    couponId: id("coupon_id").notNull(),
    userId: id("user_id").notNull(),
    originalRequestId: id("original_request_id").notNull(),
    createdAt: time("created_at").notNull().default(sql`now()`),
  },
  (t) => [index("request_aliases_by_age").on(t.createdAt)],
);

/**
 * Claims that an operator took back. Written together with the claim's tombstone; what follows (the slot freed in Redis,
 * the owner told) is role claim-relay's work, and stays here until it is done.
 */
export const revocations = pgTable(
  "revocations",
  {
    requestId: id("request_id").primaryKey(),
    couponId: id("coupon_id").notNull(),
    userId: id("user_id").notNull(),
    // The slot that the claim had; NULL if it had been given up before.
    slot: integer("slot"),
    actor: text("actor").notNull(),
    why: text("why").notNull(),
    createdAt: time("created_at").notNull().default(sql`now()`),
    releasedAt: time("released_at"),
    doneAt: time("done_at"),
  },
  (t) => [
    index("revocations_by_user").on(t.userId),
    index("revocations_open").on(t.createdAt).where(sql`${t.doneAt} IS NULL`),
    check("revocations_told_after_release", sql`${t.doneAt} IS NULL OR ${t.releasedAt} IS NOT NULL`),
  ],
);

/**
 * Requests that a queued sale refused, for good: their owners were told. Redis remembers them too, but may lose its memory.
 * A separate table: these were never claims, and `user_coupons` holds claims alone.
 */
export const refusedRequests = pgTable(
  "refused_requests",
  {
    requestId: id("request_id").primaryKey(),
    couponId: id("coupon_id").notNull(),
    userId: id("user_id").notNull(),
    reason: text("reason").notNull(),
    refusedAt: time("refused_at").notNull().default(sql`now()`),
  },
  (t) => [index("refused_requests_by_age").on(t.refusedAt)],
);

/**
 * Records that no retry helped, one row per event. `topic`, `partition` and `offset` are of the copy that died first;
 * `attempts` counts how often it was sent again, by the clock or by an operator, and never goes back.
 */
export const deadLetters = pgTable(
  "dead_letters",
  {
    id: bigint("id", { mode: "number" }).primaryKey().generatedAlwaysAsIdentity(),
    eventId: text("event_id").notNull(),
    topic: text("topic").notNull(),
    partition: integer("partition").notNull(),
    offset: bigint("offset", { mode: "number" }).notNull(),
    // Bytes, not text: a poison record need not be text at all.
    key: customType<{ data: Uint8Array }>({ dataType: () => "bytea" })("key"),
    value: customType<{ data: Uint8Array }>({ dataType: () => "bytea" })("value"),
    headers: jsonb("headers").$type<Record<string, string>>().notNull().default({}),
    errorCode: text("error_code").notNull(),
    errorMessage: text("error_message").notNull(),
    status: text("status").$type<DeadLetterStatus>().notNull().default("PENDING"),
    attempts: integer("attempts").notNull().default(0),
    createdAt: time("created_at").notNull().default(sql`now()`),
    updatedAt: time("updated_at").notNull().default(sql`now()`),
    // Of a PENDING one; NULL is now.
    nextAttemptAt: time("next_attempt_at"),
  },
  (t) => [
    unique("dead_letters_event").on(t.eventId),
    check("dead_letters_status", sql`${t.status} IN ('PENDING', 'REPUBLISHED', 'EXHAUSTED', 'DISCARDED')`),
    index("dead_letters_due").on(t.status, t.nextAttemptAt),
    // For role retention.
    index("dead_letters_by_age").on(t.updatedAt),
  ],
);

/**
 * What operators and the machinery did, and every call of an operator with its outcome. Append-only; partitioned by month
 * (partitions.ts).
 */
export const auditLog = pgTable(
  "audit_log",
  {
    id: bigint("id", { mode: "number" }).notNull().generatedAlwaysAsIdentity(),
    actor: text("actor").notNull(),
    action: text("action").notNull(),
    target: text("target").notNull(),
    detail: jsonb("detail").$type<Record<string, unknown>>().notNull().default({}),
    at: time("at").notNull().default(sql`now()`),
    /** The HTTP request that caused it. NULL: no request did. */
    requestId: text("request_id"),
    /** The call's HTTP status. NULL: the line is of a change, and was committed with it. */
    status: integer("status"),
    /** Why the call was refused or failed. */
    code: text("code"),
    /** The caller's address. */
    address: text("address"),
  },
  (t) => [
    primaryKey({ name: "audit_log_pkey", columns: [t.id, t.at] }),
    index("audit_log_by_target").on(t.target, t.at),
    index("audit_log_by_actor").on(t.actor, t.id),
    index("audit_log_by_request").on(t.requestId),
  ],
);

/** What an operator chose for all processes at run time, one row per choice; the environment's value holds without one. */
export const settings = pgTable("settings", {
  name: text("name").primaryKey(),
  value: jsonb("value").$type<string | number>().notNull(),
  version: integer("version").notNull().default(1),
  changedBy: text("changed_by").notNull(),
  changedAt: time("changed_at").notNull().default(sql`now()`),
});
