import type { OrderId } from "../../contracts/orders/ids.ts";
import { type RequestId, saleOfRequest } from "../../contracts/wire/ids.ts";
import type { ResultCode } from "../../contracts/wire/result-codes.ts";
import { textArray } from "../array-literal.ts";
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

/** The coupon that a user holds of a sale, by the request that won it. Prepared: it is asked at the door. */
export async function findWin(
  sql: Executor,
  couponId: string,
  userId: string,
): Promise<{ readonly requestId: string; readonly slot: number } | null> {
  const [row] = await sql<{ request_id: string; slot: number }[]>`
    SELECT request_id, slot FROM user_coupons
    WHERE user_id = ${userId} AND coupon_id = ${couponId} AND status <> 'REVOKED'`;
  return row === undefined ? null : { requestId: row.request_id, slot: row.slot };
}

export interface HeldCouponStatus {
  readonly status: "ACTIVE" | "USED";
  readonly orderId: OrderId | null;
}

export interface CouponLookup {
  readonly couponId: string;
  readonly userId: string;
}

/**
 * Users' coupons of sales, in the order asked for; null: PostgreSQL has none (Redis may know of one that is on its way).
 * The index by user finds each; of one user and sale there is at most one that is not revoked.
 */
export async function findHeldCoupons(
  sql: Executor,
  asked: readonly CouponLookup[],
): Promise<readonly (HeldCouponStatus | null)[]> {
  const rows = await sql<(Omit<HeldCouponStatus, "status"> & { readonly status: HeldCouponStatus["status"] | null })[]>`
    SELECT c.status, c.order_id AS "orderId"
    FROM unnest(${textArray(asked.map(({ couponId }) => couponId))}::text[],
                ${textArray(asked.map(({ userId }) => userId))}::text[]) WITH ORDINALITY AS a (coupon_id, user_id, n)
    LEFT JOIN LATERAL (
      SELECT status, order_id FROM user_coupons
      WHERE user_id = a.user_id AND coupon_id = a.coupon_id AND status <> 'REVOKED'
    ) c ON true
    ORDER BY a.n`;
  return rows.map(({ status, orderId }) => (status === null ? null : { status, orderId }));
}

export interface FoundAlias {
  readonly request_id: string;
  readonly original_request_id: string;
}

/**
 * Other names of these requests of one sale. By the range of the sale's own request ids (they begin with its id): an index
 * on the originals would be paid by every alias for a question that only operators ask.
 */
export function findAliases(
  sql: Executor,
  couponId: string,
  originals: readonly string[],
): Promise<readonly FoundAlias[]> {
  return sql<FoundAlias[]>`
    SELECT request_id, original_request_id FROM request_aliases
    WHERE request_id >= ${`${couponId}-`} AND request_id < ${`${couponId}.`}
      AND original_request_id = ANY (${textArray(originals)}::text[])`;
}
