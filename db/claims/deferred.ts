import { intArray, textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";

/** A claim that cannot be decided now, as it stands in its record. */
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
    INSERT INTO deferred_claims AS d (request_id, coupon_id, user_id, slot, epoch, ledger_id, due_at)
    SELECT c.*, now() + ${FIRST_PAUSE_MS} * interval '1 millisecond'
    FROM unnest(${textArray(sorted.map((c) => c.requestId))}::text[],
                ${textArray(sorted.map((c) => c.couponId))}::text[],
                ${textArray(sorted.map((c) => c.userId))}::text[],
                ${intArray(sorted.map((c) => c.slot))}::bigint[],
                ${intArray(sorted.map((c) => c.epoch))}::int[],
                ${textArray(sorted.map((c) => c.ledgerId))}::text[]) AS c
    ON CONFLICT (request_id) DO UPDATE SET slot = excluded.slot, epoch = excluded.epoch, ledger_id = excluded.ledger_id
    WHERE excluded.epoch > d.epoch`;
}

/**
 * Sales that are loaded and have claims due. While a sale is paused its claims have one try (a claim that was given up before
 * can be released then) and rest until the pause is over. The recursive part visits each sale that has deferred claims once, by
 * index: 100,000 claims of one paused sale cost no more than one.
 */
export async function salesWithDeferredClaims(sql: Executor): Promise<readonly string[]> {
  const rows = await sql<{ id: string }[]>`
    WITH RECURSIVE sales (id) AS (
      (SELECT coupon_id FROM deferred_claims ORDER BY coupon_id LIMIT 1)
      UNION ALL
      SELECT (SELECT d.coupon_id FROM deferred_claims d WHERE d.coupon_id > s.id ORDER BY d.coupon_id LIMIT 1)
      FROM sales s WHERE s.id IS NOT NULL
    )
    SELECT c.id FROM sales s JOIN coupons c ON c.id = s.id
    WHERE c.load_state = 'LOADED' AND CASE c.state WHEN 'PAUSED'
      THEN (SELECT min(d.due_at) FROM deferred_claims d WHERE d.coupon_id = c.id AND d.attempts = 0)
      ELSE (SELECT min(d.due_at) FROM deferred_claims d WHERE d.coupon_id = c.id) END <= now()
    ORDER BY c.id`;
  return rows.map(({ id }) => id);
}

/** Claims of a sale that are due; of a paused one only those that had no try yet. */
export function dueDeferredClaims(sql: Executor, couponId: string, limit: number): Promise<readonly DeferredClaim[]> {
  return sql<DeferredClaim[]>`
    SELECT d.coupon_id AS "couponId", d.user_id AS "userId", d.request_id AS "requestId", d.slot::float8 AS slot, d.epoch,
           d.ledger_id AS "ledgerId"
    FROM deferred_claims d JOIN coupons c ON c.id = d.coupon_id
    WHERE d.coupon_id = ${couponId} AND d.due_at <= now() AND (c.state <> 'PAUSED' OR d.attempts = 0)
    ORDER BY d.attempts, d.due_at LIMIT ${limit}`;
}

/** All of a sale's, by request id; for a recovery, which persists what it can before it takes the snapshot. */
export function deferredClaimsAfter(
  sql: Executor,
  couponId: string,
  after: string,
  limit: number,
): Promise<readonly DeferredClaim[]> {
  return sql<DeferredClaim[]>`
    SELECT coupon_id AS "couponId", user_id AS "userId", request_id AS "requestId", slot::float8 AS slot, epoch,
           ledger_id AS "ledgerId"
    FROM deferred_claims
    WHERE request_id > ${after} AND request_id < ${`${couponId}.`} AND coupon_id = ${couponId}
    ORDER BY request_id LIMIT ${limit}`;
}

/** They are settled: persisted or given up, and told. */
export async function forgetDeferredClaims(sql: Executor, requestIds: readonly string[]): Promise<void> {
  await sql`DELETE FROM deferred_claims WHERE request_id = ANY (${textArray(requestIds)}::text[])`;
}

/** They still cannot be decided. */
export async function postponeDeferredClaims(sql: Executor, requestIds: readonly string[]): Promise<void> {
  await sql`
    UPDATE deferred_claims
    SET attempts = attempts + 1,
        due_at = now() + least(${MAX_PAUSE_MS}, ${FIRST_PAUSE_MS} * 2 ^ least(attempts + 1, 20)) * interval '1 millisecond'
    WHERE request_id = ANY (${textArray(requestIds)}::text[])`;
}

export async function countDeferredClaims(sql: Executor): Promise<number> {
  const [row] = await sql<{ n: number }[]>`SELECT count(*)::int AS n FROM deferred_claims`;
  return row!.n;
}
