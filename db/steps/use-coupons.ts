import type { OrderId } from "../../contracts/orders/ids.ts";
import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";
import type { CouponOfUser } from "./lock-held-coupons.ts";

export interface CouponUse extends CouponOfUser {
  readonly orderId: OrderId;
}

/** Coupons become their order's. The caller holds the rows and has seen that they are ACTIVE. */
export async function useCoupons(tx: Executor, uses: readonly CouponUse[]): Promise<void> {
  await tx`
    UPDATE user_coupons u SET status = 'USED', order_id = w.order_id, updated_at = now()
    FROM unnest(${textArray(uses.map((w) => w.couponId))}::text[],
                ${textArray(uses.map((w) => w.userId))}::text[],
                ${textArray(uses.map((w) => w.orderId))}::text[]) AS w (coupon_id, user_id, order_id)
    WHERE u.coupon_id = w.coupon_id AND u.user_id = w.user_id AND u.status = 'ACTIVE'`;
}

/** And are given back, by the order that used them and by no other. */
export async function giveCouponsBack(tx: Executor, uses: readonly CouponUse[]): Promise<void> {
  await tx`
    UPDATE user_coupons u SET status = 'ACTIVE', order_id = NULL, updated_at = now()
    FROM unnest(${textArray(uses.map((w) => w.couponId))}::text[],
                ${textArray(uses.map((w) => w.userId))}::text[],
                ${textArray(uses.map((w) => w.orderId))}::text[]) AS w (coupon_id, user_id, order_id)
    WHERE u.coupon_id = w.coupon_id AND u.user_id = w.user_id AND u.status = 'USED' AND u.order_id = w.order_id`;
}
