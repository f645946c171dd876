import type { OrderId } from "../../contracts/orders/ids.ts";
import { type RequestId, saleOfRequest } from "../../contracts/wire/ids.ts";
import type { ResultCode } from "../../contracts/wire/result-codes.ts";
import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";
import { ALIAS, CLAIM, DEFERRED, REFUSAL, SALE } from "../names.ts";

export interface FoundRequest {
  /** The request that won: of an alias the original one. Of a request without a row, the id that was asked for. */
  readonly requestId: RequestId;
  /** PENDING: accepted, and kept until its sale can decide it again. */
  readonly status: "ISSUED" | "FAILED" | "PENDING";
  readonly slot: number | null;
  readonly reason: ResultCode | null;
}

/**
 * What became of a user's request: its own row, the row of the request it is an alias of, a queued sale's refusal, or a claim that was
 * deferred. Once the aliases of a sale that has left Redis are gone (role retention), each request of a winner is told the
 * win, which any of their requests would have been an alias of.
 * null: PostgreSQL has nothing (yet), or the request is another user's.
 */
export async function findRequest(sql: Executor, requestId: string, userId: string): Promise<FoundRequest | null> {
  const [row] = await sql<{ requestId: RequestId; status: string; slot: number | null; reason: ResultCode | null }[]>`
    SELECT ${CLAIM.requestId} AS "requestId", ${CLAIM.status}, ${CLAIM.slot}, ${CLAIM.reason} FROM ${CLAIM.table}
    WHERE ${CLAIM.userId} = ${userId} AND ${CLAIM.requestId} = coalesce(
      (SELECT ${ALIAS.originalRequestId} FROM ${ALIAS.table} WHERE ${ALIAS.requestId} = ${requestId}
      AND ${ALIAS.userId} = ${userId}),
      ${requestId})
    UNION ALL
    SELECT ${REFUSAL.requestId}, 'REVOKED', NULL, ${REFUSAL.reason} FROM ${REFUSAL.table} WHERE ${REFUSAL.requestId} = ${requestId}
      AND ${REFUSAL.userId} = ${userId}
    UNION ALL
    SELECT ${DEFERRED.requestId}, 'DEFERRED', NULL, NULL FROM ${DEFERRED.table} WHERE ${DEFERRED.requestId} = ${requestId}
      AND ${DEFERRED.userId} = ${userId}
    UNION ALL
    SELECT u.${CLAIM.requestId}, u.${CLAIM.status}, u.${CLAIM.slot}, u.${CLAIM.reason} FROM ${CLAIM.table} u JOIN ${SALE.table} c
      ON c.${SALE.id} = u.${CLAIM.couponId}
    WHERE u.${CLAIM.userId} = ${userId} AND u.${CLAIM.couponId} = ${saleOfRequest(requestId as RequestId)}
      AND u.${CLAIM.status} <> 'REVOKED'
      AND c.${SALE.leftRedisAt} IS NOT NULL
    LIMIT 1`;
  if (row === undefined) return null;
  const { requestId: found, status, slot, reason } = row;
  if (status === "DEFERRED") return { requestId: found, status: "PENDING", slot: null, reason: null };
  return status === "REVOKED"
    ? { requestId: found, status: "FAILED", slot: null, reason: reason ?? "REVOKED" }
    : { requestId: found, status: "ISSUED", slot, reason: null };
}

/** The coupon that a user holds of a sale, by the request that won it. Prepared: it is asked at the door. */
export async function findWin(
  sql: Executor,
  couponId: string,
  userId: string,
): Promise<{ readonly requestId: string; readonly slot: number } | null> {
  const [row] = await sql<{ requestId: string; slot: number }[]>`
    SELECT ${CLAIM.requestId} AS "requestId", ${CLAIM.slot} FROM ${CLAIM.table}
    WHERE ${CLAIM.userId} = ${userId} AND ${CLAIM.couponId} = ${couponId} AND ${CLAIM.status} <> 'REVOKED'`;
  return row === undefined ? null : { requestId: row.requestId, slot: row.slot };
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
      SELECT ${CLAIM.status}, ${CLAIM.orderId} FROM ${CLAIM.table}
      WHERE user_id = a.user_id AND coupon_id = a.coupon_id AND ${CLAIM.status} <> 'REVOKED'
    ) c ON true
    ORDER BY a.n`;
  return rows.map(({ status, orderId }) => (status === null ? null : { status, orderId }));
}

export interface FoundAlias {
  readonly requestId: string;
  readonly originalRequestId: string;
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
    SELECT ${ALIAS.requestId} AS "requestId", ${ALIAS.originalRequestId} AS "originalRequestId" FROM ${ALIAS.table}
    WHERE ${ALIAS.requestId} >= ${`${couponId}-`} AND ${ALIAS.requestId} < ${`${couponId}.`}
      AND ${ALIAS.originalRequestId} = ANY (${textArray(originals)}::text[])`;
}
