import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";
import { CLAIM, REVOCATION, SALE } from "../names.ts";
import { belongsIntoRedis } from "../sales/live.ts";

export interface PendingRevocation {
  readonly requestId: string;
  readonly couponId: string;
  readonly userId: string;
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
    SELECT r.${REVOCATION.requestId} AS "requestId", r.${REVOCATION.couponId} AS "couponId", r.${REVOCATION.userId} AS "userId",
           u.${CLAIM.reason}, r.${REVOCATION.releasedAt} IS NOT NULL AS released, c.${SALE.epoch},
           ${belongsIntoRedis(sql, keepHours)} AS live
    FROM ${REVOCATION.table} r JOIN ${SALE.table} c ON c.${SALE.id} = r.${REVOCATION.couponId} JOIN ${CLAIM.table} u
      ON u.${CLAIM.requestId} = r.${REVOCATION.requestId}
    WHERE r.${REVOCATION.doneAt} IS NULL AND c.${SALE.loadState} = 'LOADED'
      AND r.${REVOCATION.couponId} <> ALL (${textArray(except)}::text[])
    ORDER BY r.${REVOCATION.createdAt} LIMIT ${limit}`;
}

/** Redis holds nothing of these claims any more: their slots can be won again. */
export async function markReleased(sql: Executor, requestIds: readonly string[]): Promise<void> {
  await sql`
    UPDATE ${REVOCATION.table} SET ${REVOCATION.releasedAt} = now()
    WHERE ${REVOCATION.requestId} = ANY (${textArray(requestIds)}::text[]) AND ${REVOCATION.releasedAt} IS NULL`;
}

/** Their owners' news stand in the log: nothing is left to do. */
export async function markDone(sql: Executor, requestIds: readonly string[]): Promise<void> {
  await sql`
    UPDATE ${REVOCATION.table} SET ${REVOCATION.doneAt} = now()
    WHERE ${REVOCATION.requestId} = ANY (${textArray(requestIds)}::text[]) AND ${REVOCATION.doneAt} IS NULL`;
}

export async function isReleased(sql: Executor, requestId: string): Promise<boolean> {
  const [row] = await sql<{ released: boolean }[]>`
    SELECT ${REVOCATION.releasedAt} IS NOT NULL AS released FROM ${REVOCATION.table} WHERE ${REVOCATION.requestId} = ${requestId}`;
  return row?.released ?? false;
}
