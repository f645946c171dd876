import { type RequestId, saleOfRequest } from "../../contracts/wire/ids.ts";
import type { ResultCode } from "../../contracts/wire/result-codes.ts";
import type { Executor } from "../client.ts";

export interface FoundRequest {
  /** PENDING: accepted, and kept until its sale can decide it again. */
  readonly status: "ISSUED" | "FAILED" | "PENDING";
  readonly slot: number | null;
  readonly reason: ResultCode | null;
}

/**
 * What became of a user's request: its own row, the row of the request it is an alias of, a queued sale's refusal, or a claim that was
 * deferred. Once the aliases of a sale that has left Redis are gone (role retention), each request of a winner is told the
 * win, which any of their requests would have been an alias of.
 * null: PostgreSQL has nothing (yet), or the request is somebody else's.
 */
export async function findRequest(sql: Executor, requestId: string, userId: string): Promise<FoundRequest | null> {
  const [row] = await sql<{ status: string; slot: number | null; reason: ResultCode | null }[]>`
    SELECT status, slot, reason FROM user_coupons
    WHERE user_id = ${userId} AND request_id = coalesce(
      (SELECT original_request_id FROM request_aliases WHERE request_id = ${requestId} AND user_id = ${userId}),
      ${requestId})
    UNION ALL
    SELECT 'REVOKED', NULL, reason FROM refused_requests WHERE request_id = ${requestId} AND user_id = ${userId}
    UNION ALL
    SELECT 'DEFERRED', NULL, NULL FROM deferred_claims WHERE request_id = ${requestId} AND user_id = ${userId}
    UNION ALL
    SELECT u.status, u.slot, u.reason FROM user_coupons u JOIN coupons c ON c.id = u.coupon_id
    WHERE u.user_id = ${userId} AND u.coupon_id = ${saleOfRequest(requestId as RequestId)} AND u.status <> 'REVOKED'
      AND c.left_redis_at IS NOT NULL
    LIMIT 1`;
  if (row === undefined) return null;
  if (row.status === "DEFERRED") return { status: "PENDING", slot: null, reason: null };
  return row.status === "REVOKED"
    ? { status: "FAILED", slot: null, reason: row.reason ?? "REVOKED" }
    : { status: "ISSUED", slot: row.slot, reason: null };
}
