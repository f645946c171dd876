import type { OrderId } from "../../contracts/orders/ids.ts";
import type { CouponId, UserId } from "../../contracts/wire/ids.ts";
import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";

/** A coupon in a user's hands. */
export interface CouponOfUser {
  readonly couponId: CouponId;
  readonly userId: UserId;
}

export interface HeldCoupon extends CouponOfUser {
  readonly status: "ACTIVE" | "USED";
  /** Of USED: the order that it was used for. */
  readonly orderId: OrderId | null;
  readonly minOrderAmount: number;
  /** From then on no order may use it; null: always. */
  readonly validUntil: Date | null;
}

/** Those that PostgreSQL knows, with their terms, held until the transaction ends; locked by coupon and user. */
export async function lockHeldCoupons(tx: Executor, wanted: readonly CouponOfUser[]): Promise<HeldCoupon[]> {
  const rows = await tx<(Omit<HeldCoupon, "minOrderAmount"> & { minOrderAmount: string })[]>`
    SELECT u.coupon_id AS "couponId", u.user_id AS "userId", u.status, u.order_id AS "orderId",
           c.min_order_amount AS "minOrderAmount", c.valid_until AS "validUntil"
    FROM unnest(${textArray(wanted.map((w) => w.couponId))}::text[],
                ${textArray(wanted.map((w) => w.userId))}::text[]) AS w (coupon_id, user_id)
    JOIN user_coupons u ON u.coupon_id = w.coupon_id AND u.user_id = w.user_id AND u.status <> 'REVOKED'
    JOIN coupons c ON c.id = u.coupon_id
    ORDER BY u.coupon_id, u.user_id FOR NO KEY UPDATE OF u`;
  return rows.map((row) => ({ ...row, minOrderAmount: Number(row.minOrderAmount) }));
}

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
