import type { OrderId } from "../../contracts/orders/ids.ts";
import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";

export interface HeldCoupon {
  readonly status: "ACTIVE" | "USED";
  readonly orderId: OrderId | null;
}

export interface CouponOfUser {
  readonly couponId: string;
  readonly userId: string;
}

/**
 * Users' coupons of sales, in the order asked for; null: PostgreSQL has none (Redis may know of one that is on its way).
 * The index by user finds each; of one user and sale there is at most one that is not revoked.
 */
export async function findHeldCoupons(
  sql: Executor,
  asked: readonly CouponOfUser[],
): Promise<readonly (HeldCoupon | null)[]> {
  const rows = await sql<(Omit<HeldCoupon, "status"> & { readonly status: HeldCoupon["status"] | null })[]>`
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
