import { intArray, textArray } from "../array-literal.ts";
import type { Executor, Sql } from "../client.ts";
import { ALIAS, CLAIM, SALE } from "../names.ts";
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
export function insertClaims(sql: Executor, claims: readonly ClaimRow[]): Promise<readonly { requestId: string }[]> {
  return sql<{ requestId: string }[]>`
    INSERT INTO ${CLAIM.table} (${CLAIM.couponId}, ${CLAIM.userId}, ${CLAIM.slot}, ${CLAIM.requestId}, ${CLAIM.epoch})
    SELECT c.coupon_id, c.user_id, c.slot, c.request_id, c.epoch
    FROM unnest(${textArray(claims.map((c) => c.couponId))}::text[],
                ${textArray(claims.map((c) => c.userId))}::text[],
                ${intArray(claims.map((c) => c.slot))}::int[],
                ${textArray(claims.map((c) => c.requestId))}::text[],
                ${intArray(claims.map((c) => c.epoch))}::int[]) AS c (coupon_id, user_id, slot, request_id, epoch)
    JOIN ${SALE.table} s ON s.${SALE.id} = c.coupon_id
     AND c.slot BETWEEN 1 AND s.${SALE.total}
     AND (s.${SALE.loadState} IN ('NEW', 'RECOVERING') OR (s.${SALE.loadState} = 'LOADED'
       AND c.epoch - s.${SALE.epoch} BETWEEN 0 AND 1000000))
    ORDER BY c.request_id
    ON CONFLICT DO NOTHING
    RETURNING ${CLAIM.requestId} AS "requestId"`;
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
    INSERT INTO ${ALIAS.table} (${ALIAS.requestId}, ${ALIAS.couponId}, ${ALIAS.userId}, ${ALIAS.originalRequestId})
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
    INSERT INTO ${CLAIM.table} (${CLAIM.couponId}, ${CLAIM.userId}, ${CLAIM.requestId}, ${CLAIM.epoch}, ${CLAIM.reason},
      ${CLAIM.status})
    SELECT t.*, 'REVOKED'
    FROM unnest(${textArray(sorted.map((t) => t.couponId))}::text[],
                ${textArray(sorted.map((t) => t.userId))}::text[],
                ${requestIds}::text[],
                ${intArray(sorted.map((t) => t.epoch))}::int[],
                ${textArray(sorted.map((t) => t.reason))}::text[]) AS t
    ON CONFLICT DO NOTHING`;
  const standing = await sql<{ requestId: string }[]>`
    SELECT ${CLAIM.requestId} AS "requestId" FROM ${CLAIM.table} WHERE ${CLAIM.requestId} = ANY (${requestIds}::text[])
      AND ${CLAIM.status} = 'REVOKED'`;
  return new Set(standing.map((row) => row.requestId));
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
    const rows = await tx<{ requestId: string }[]>`
      SELECT ${ALIAS.requestId} AS "requestId" FROM ${ALIAS.table}
      WHERE ${ALIAS.requestId} = ANY (${textArray(tombstones.map(({ requestId }) => requestId))}::text[])`;
    const aliases = new Set(rows.map(({ requestId }) => requestId));
    const hopeless = tombstones.filter(({ requestId }) => !aliases.has(requestId));
    if (hopeless.length > 0) standing = await insertTombstones(tx, hopeless);
  });
  return standing;
}
