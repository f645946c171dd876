import { intArray, textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";

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
