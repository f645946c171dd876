import { intArray, textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";

export interface ClaimRow {
  readonly couponId: string;
  readonly userId: string;
  readonly requestId: string;
  readonly slot: number;
  readonly epoch: number;
}

/**
 * Inserts what may be inserted as it stands and returns the request ids that were; every other claim met a rule and is
 * sorted out by classify-conflicts.ts. Rows go in by request id: two batches that share claims then wait for each other
 * instead of deadlocking (the join alone may turn the order around in one session and not in the other).
 *
 * One multi-row INSERT over unnest: one parse, one trigger call, and one text parameter per column. Rejected: VALUES
 * with five parameters a row (a plan per batch size, three times the CPU), COPY (knows no ON CONFLICT), and
 * DO UPDATE … RETURNING for the conflicting rows (writes a dead row version for every redelivered claim).
 * The join is the rule "slot ≤ total, and no claim older than the sale's epoch once it was rebuilt, nor
 * one from an epoch that never was (claim-numbers.ts)", decided under the
 * share lock that lock-sales.ts took before in the same transaction.
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
