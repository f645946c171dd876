import { intArray, textArray } from "../array-literal.ts";
import type { Executor, Sql } from "../client.ts";
import { lockSale } from "../sales/lock.ts";

export interface ClaimRow {
  readonly couponId: string;
  readonly userId: string;
  readonly requestId: string;
  readonly slot: number;
  readonly epoch: number;
}

/**
 * Inserts what may be inserted as it stands and returns the request ids that were; every other claim met a rule and is
 * sorted out by conflicts.ts. Rows go in by request id: two batches that share claims then wait for each other
 * instead of deadlocking (the join alone may turn the order around in one session and not in the other).
 *
 * One multi-row INSERT over unnest: one parse, one trigger call, and one text parameter per column. Rejected: VALUES
 * with five parameters a row (a plan per batch size, three times the CPU), COPY (knows no ON CONFLICT), and
 * DO UPDATE … RETURNING for the conflicting rows (writes a dead row version for every redelivered claim).
 * The join is the rule "slot ≤ total, and no claim older than the sale's epoch once it was rebuilt, nor
 * one from an epoch that never was (claim-numbers.ts)", decided under the
 * share lock that sales/lock.ts took before in the same transaction.
 */
export function insertClaims(sql: Executor, claims: readonly ClaimRow[]): Promise<readonly { request_id: string }[]> {
  return sql<{ request_id: string }[]>`
    INSERT INTO user_coupons (coupon_id, user_id, slot, request_id, epoch)
    SELECT c.coupon_id, c.user_id, c.slot, c.request_id, c.epoch
    FROM unnest(${textArray(claims.map((c) => c.couponId))}::text[],
                ${textArray(claims.map((c) => c.userId))}::text[],
                ${intArray(claims.map((c) => c.slot))}::int[],
                ${textArray(claims.map((c) => c.requestId))}::text[],
                ${intArray(claims.map((c) => c.epoch))}::int[]) AS c (coupon_id, user_id, slot, request_id, epoch)
    JOIN coupons s ON s.id = c.coupon_id
     AND c.slot BETWEEN 1 AND s.total
     AND (s.load_state IN ('NEW', 'RECOVERING') OR (s.load_state = 'LOADED' AND c.epoch - s.epoch BETWEEN 0 AND 1000000))
    ORDER BY c.request_id
    ON CONFLICT DO NOTHING
    RETURNING request_id`;
}

export interface NewAlias {
  readonly requestId: string;
  readonly couponId: string;
  readonly userId: string;
  readonly originalRequestId: string;
}

/** Remembers second requests of users who hold the coupon. Repeats change nothing; sorted by request id as all inserts. */
export async function insertAliases(sql: Executor, aliases: readonly NewAlias[]): Promise<void> {
  const sorted = [...aliases].sort((a, b) => (a.requestId < b.requestId ? -1 : 1));
  await sql`
    INSERT INTO request_aliases (request_id, coupon_id, user_id, original_request_id)
    SELECT * FROM unnest(${textArray(sorted.map((a) => a.requestId))}::text[],
                         ${textArray(sorted.map((a) => a.couponId))}::text[],
                         ${textArray(sorted.map((a) => a.userId))}::text[],
                         ${textArray(sorted.map((a) => a.originalRequestId))}::text[])
    ON CONFLICT DO NOTHING`;
}

export interface Tombstone {
  readonly couponId: string;
  readonly userId: string;
  readonly requestId: string;
  readonly epoch: number;
  readonly reason: string;
}

/**
 * Gives claims up for good and returns the request ids whose tombstone stands (written now or before). A missing one was
 * persisted meanwhile: UNIQUE(request_id) lets either the claim or its tombstone in, whichever commits first.
 * The re-read must see what a concurrent transaction committed while the INSERT waited for it, hence a second statement.
 */
export async function insertTombstones(sql: Executor, tombstones: readonly Tombstone[]): Promise<ReadonlySet<string>> {
  const sorted = [...tombstones].sort((a, b) => (a.requestId < b.requestId ? -1 : 1));
  const requestIds = textArray(sorted.map((t) => t.requestId));
  await sql`
    INSERT INTO user_coupons (coupon_id, user_id, request_id, epoch, reason, status)
    SELECT t.*, 'REVOKED'
    FROM unnest(${textArray(sorted.map((t) => t.couponId))}::text[],
                ${textArray(sorted.map((t) => t.userId))}::text[],
                ${requestIds}::text[],
                ${intArray(sorted.map((t) => t.epoch))}::int[],
                ${textArray(sorted.map((t) => t.reason))}::text[]) AS t
    ON CONFLICT DO NOTHING`;
  const standing = await sql<{ request_id: string }[]>`
    SELECT request_id FROM user_coupons WHERE request_id = ANY (${requestIds}::text[]) AND status = 'REVOKED'`;
  return new Set(standing.map((row) => row.request_id));
}

/**
 * Gives up claims that are refused for good, unless they were settled meanwhile: a claim that was persisted, or that became
 * another name of its user's coupon, is a win and has been told so. Under the sales' locks, because no unique index tells a tombstone
 * from an alias: a batch that is just inserting either is through before, or sees the tombstone.
 * @returns the request ids whose tombstone stands
 */
export async function buryClaims(sql: Sql, tombstones: readonly Tombstone[]): Promise<ReadonlySet<string>> {
  const saleIds = [...new Set(tombstones.map(({ couponId }) => couponId))].sort();
  let standing: ReadonlySet<string> = new Set();
  await sql.begin(async (tx) => {
    for (const couponId of saleIds) await lockSale(tx, couponId);
    const rows = await tx<{ request_id: string }[]>`
      SELECT request_id FROM request_aliases
      WHERE request_id = ANY (${textArray(tombstones.map(({ requestId }) => requestId))}::text[])`;
    const aliases = new Set(rows.map(({ request_id }) => request_id));
    const hopeless = tombstones.filter(({ requestId }) => !aliases.has(requestId));
    if (hopeless.length > 0) standing = await insertTombstones(tx, hopeless);
  });
  return standing;
}
