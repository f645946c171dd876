import { intArray, textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";
import { DEFERRED, SALE } from "../names.ts";

/** A claim that cannot be decided now, as its record has it. */
export interface DeferredClaim {
  readonly couponId: string;
  readonly userId: string;
  readonly requestId: string;
  readonly slot: number;
  readonly epoch: number;
  readonly ledgerId: string;
}

/** The first pause; it doubles with each try that changes nothing. */
const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 30_000;

/** Keeps claims until they can be decided. Of one that is kept already the later decision counts. */
export async function deferClaims(sql: Executor, claims: readonly DeferredClaim[]): Promise<void> {
  const sorted = [...claims].sort((a, b) => (a.requestId < b.requestId ? -1 : 1));
  await sql`
    INSERT INTO ${DEFERRED.table} AS d (${DEFERRED.requestId}, ${DEFERRED.couponId}, ${DEFERRED.userId}, ${DEFERRED.slot},
      ${DEFERRED.epoch}, ${DEFERRED.ledgerId}, ${DEFERRED.dueAt})
    SELECT c.*, now() + ${FIRST_PAUSE_MS} * interval '1 millisecond'
    FROM unnest(${textArray(sorted.map((c) => c.requestId))}::text[],
                ${textArray(sorted.map((c) => c.couponId))}::text[],
                ${textArray(sorted.map((c) => c.userId))}::text[],
                ${intArray(sorted.map((c) => c.slot))}::bigint[],
                ${intArray(sorted.map((c) => c.epoch))}::int[],
                ${textArray(sorted.map((c) => c.ledgerId))}::text[]) AS c
    ON CONFLICT (${DEFERRED.requestId}) DO UPDATE SET ${DEFERRED.slot} = excluded.${DEFERRED.slot},
    ${DEFERRED.epoch} = excluded.${DEFERRED.epoch}, ${DEFERRED.ledgerId} = excluded.${DEFERRED.ledgerId}
    WHERE excluded.${DEFERRED.epoch} > d.${DEFERRED.epoch}`;
}

/**
 * Sales that are loaded and have claims due. While a sale is paused its claims have one try (a claim that was given up before
 * can be released then) and rest until the pause is over. The recursive part visits each sale that has deferred claims once, by
 * index: 100,000 claims of one paused sale cost no more than one.
 */
export async function salesWithDeferredClaims(sql: Executor): Promise<readonly string[]> {
  const rows = await sql<{ id: string }[]>`
    WITH RECURSIVE sales (id) AS (
      (SELECT ${DEFERRED.couponId} FROM ${DEFERRED.table} ORDER BY ${DEFERRED.couponId} LIMIT 1)
      UNION ALL
      SELECT (SELECT d.${DEFERRED.couponId} FROM ${DEFERRED.table} d WHERE d.${DEFERRED.couponId} > s.id
        ORDER BY d.${DEFERRED.couponId} LIMIT 1)
      FROM sales s WHERE s.id IS NOT NULL
    )
    SELECT c.${SALE.id} FROM sales s JOIN ${SALE.table} c ON c.${SALE.id} = s.id
    WHERE c.${SALE.loadState} = 'LOADED' AND CASE c.${SALE.state} WHEN 'PAUSED'
      THEN (SELECT min(d.${DEFERRED.dueAt}) FROM ${DEFERRED.table} d WHERE d.${DEFERRED.couponId} = c.${SALE.id}
      AND d.${DEFERRED.attempts} = 0)
      ELSE (SELECT min(d.${DEFERRED.dueAt}) FROM ${DEFERRED.table} d WHERE d.${DEFERRED.couponId} = c.${SALE.id}) END <= now()
    ORDER BY c.${SALE.id}`;
  return rows.map(({ id }) => id);
}

/** Claims of a sale that are due; of a paused one only those that had no try yet. */
export function dueDeferredClaims(sql: Executor, couponId: string, limit: number): Promise<readonly DeferredClaim[]> {
  return sql<DeferredClaim[]>`
    SELECT d.${DEFERRED.couponId} AS "couponId", d.${DEFERRED.userId} AS "userId", d.${DEFERRED.requestId} AS "requestId",
      d.${DEFERRED.slot}::float8 AS slot, d.${DEFERRED.epoch},
           d.${DEFERRED.ledgerId} AS "ledgerId"
    FROM ${DEFERRED.table} d JOIN ${SALE.table} c ON c.${SALE.id} = d.${DEFERRED.couponId}
    WHERE d.${DEFERRED.couponId} = ${couponId} AND d.${DEFERRED.dueAt} <= now()
      AND (c.${SALE.state} <> 'PAUSED' OR d.${DEFERRED.attempts} = 0)
    ORDER BY d.${DEFERRED.attempts}, d.${DEFERRED.dueAt} LIMIT ${limit}`;
}

/** All of a sale's, by request id; for a recovery, which persists what it can before it takes the snapshot. */
export function deferredClaimsAfter(
  sql: Executor,
  couponId: string,
  after: string,
  limit: number,
): Promise<readonly DeferredClaim[]> {
  return sql<DeferredClaim[]>`
    SELECT ${DEFERRED.couponId} AS "couponId", ${DEFERRED.userId} AS "userId", ${DEFERRED.requestId} AS "requestId",
      ${DEFERRED.slot}::float8 AS slot, ${DEFERRED.epoch},
           ${DEFERRED.ledgerId} AS "ledgerId"
    FROM ${DEFERRED.table}
    WHERE ${DEFERRED.requestId} > ${after} AND ${DEFERRED.requestId} < ${`${couponId}.`} AND ${DEFERRED.couponId} = ${couponId}
    ORDER BY ${DEFERRED.requestId} LIMIT ${limit}`;
}

/** They are settled: persisted or given up, and told. */
export async function forgetDeferredClaims(sql: Executor, requestIds: readonly string[]): Promise<void> {
  await sql`DELETE FROM ${DEFERRED.table} WHERE ${DEFERRED.requestId} = ANY (${textArray(requestIds)}::text[])`;
}

/** They still cannot be decided. */
export async function postponeDeferredClaims(sql: Executor, requestIds: readonly string[]): Promise<void> {
  await sql`
    UPDATE ${DEFERRED.table}
    SET ${DEFERRED.attempts} = ${DEFERRED.attempts} + 1,
        ${DEFERRED.dueAt} = now() + least(${MAX_PAUSE_MS}, ${FIRST_PAUSE_MS} * 2 ^ least(${DEFERRED.attempts} + 1,
        20)) * interval '1 millisecond'
    WHERE ${DEFERRED.requestId} = ANY (${textArray(requestIds)}::text[])`;
}

export async function countDeferredClaims(sql: Executor): Promise<number> {
  const [row] = await sql<{ n: number }[]>`SELECT count(*)::int AS n FROM ${DEFERRED.table}`;
  return row!.n;
}
