import type { OrderId } from "../../contracts/order-ids.ts";
import type { Executor } from "../client.ts";

export interface HeldCoupon {
  readonly status: "ACTIVE" | "USED";
  readonly orderId: OrderId | null;
}

/** A user's coupon of a sale; null: PostgreSQL has none (Redis may know of one that is on its way). */
export async function findHeldCoupon(sql: Executor, couponId: string, userId: string): Promise<HeldCoupon | null> {
  const [row] = await sql<HeldCoupon[]>`
    SELECT status, order_id AS "orderId" FROM user_coupons
    WHERE user_id = ${userId} AND coupon_id = ${couponId} AND status <> 'REVOKED'`;
  return row ?? null;
}
