import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";
import { belongsIntoRedis } from "../sales/live.ts";

export interface PendingRevocation {
  readonly request_id: string;
  readonly coupon_id: string;
  readonly user_id: string;
  /** Of the tombstone: REVOKED, or why the claim had been given up before. */
  readonly reason: string | null;
  /** Redis holds nothing of the claim any more; its owner is still to be told. */
  readonly released: boolean;
  /** The sale's present epoch. */
  readonly epoch: number;
  /** Whether the sale belongs into Redis; of an old one there may be nothing left to release. */
  readonly live: boolean;
}

/**
 * Revocations that are not carried out yet, oldest first. Those of a sale that is being rebuilt wait until it is loaded:
 * nothing could be released meanwhile. `keepHours` as in sales/live.ts.
 * @param except sales whose revocations are not asked for
 */
export function listPendingRevocations(
  sql: Executor,
  keepHours: number,
  limit: number,
  except: readonly string[] = [],
): Promise<readonly PendingRevocation[]> {
  return sql<PendingRevocation[]>`
    SELECT r.request_id, r.coupon_id, r.user_id, u.reason, r.released_at IS NOT NULL AS released, c.epoch,
           ${belongsIntoRedis(sql, keepHours)} AS live
    FROM revocations r JOIN coupons c ON c.id = r.coupon_id JOIN user_coupons u ON u.request_id = r.request_id
    WHERE r.done_at IS NULL AND c.load_state = 'LOADED' AND r.coupon_id <> ALL (${textArray(except)}::text[])
    ORDER BY r.created_at LIMIT ${limit}`;
}

/** Redis holds nothing of these claims any more: their slots can be won again. */
export async function markReleased(sql: Executor, requestIds: readonly string[]): Promise<void> {
  await sql`
    UPDATE revocations SET released_at = now()
    WHERE request_id = ANY (${textArray(requestIds)}::text[]) AND released_at IS NULL`;
}

/** Their owners' news stand in the log: nothing is left to do. */
export async function markDone(sql: Executor, requestIds: readonly string[]): Promise<void> {
  await sql`
    UPDATE revocations SET done_at = now()
    WHERE request_id = ANY (${textArray(requestIds)}::text[]) AND done_at IS NULL`;
}

export async function isReleased(sql: Executor, requestId: string): Promise<boolean> {
  const [row] = await sql<{ released: boolean }[]>`
    SELECT released_at IS NOT NULL AS released FROM revocations WHERE request_id = ${requestId}`;
  return row?.released ?? false;
}
