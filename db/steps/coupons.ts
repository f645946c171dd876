import type { OrderId } from "../../contracts/orders/ids.ts";
import type { CouponId, UserId } from "../../contracts/wire/ids.ts";
import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";
import { CLAIM, SALE } from "../names.ts";

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
    SELECT u.${CLAIM.couponId} AS "couponId", u.${CLAIM.userId} AS "userId", u.${CLAIM.status}, u.${CLAIM.orderId} AS "orderId",
           c.${SALE.minOrderAmount} AS "minOrderAmount", c.${SALE.validUntil} AS "validUntil"
    FROM unnest(${textArray(wanted.map((w) => w.couponId))}::text[],
                ${textArray(wanted.map((w) => w.userId))}::text[]) AS w (coupon_id, user_id)
    JOIN ${CLAIM.table} u ON u.${CLAIM.couponId} = w.coupon_id AND u.${CLAIM.userId} = w.user_id AND u.${CLAIM.status} <> 'REVOKED'
    JOIN ${SALE.table} c ON c.${SALE.id} = u.${CLAIM.couponId}
    ORDER BY u.${CLAIM.couponId}, u.${CLAIM.userId} FOR NO KEY UPDATE OF u`;
  return rows.map((row) => ({ ...row, minOrderAmount: Number(row.minOrderAmount) }));
}

export interface CouponUse extends CouponOfUser {
  readonly orderId: OrderId;
}

/** Coupons become their order's. The caller holds the rows and has seen that they are ACTIVE. */
export async function useCoupons(tx: Executor, uses: readonly CouponUse[]): Promise<void> {
  await tx`
    UPDATE ${CLAIM.table} u SET ${CLAIM.status} = 'USED', ${CLAIM.orderId} = w.order_id, ${CLAIM.updatedAt} = now()
    FROM unnest(${textArray(uses.map((w) => w.couponId))}::text[],
                ${textArray(uses.map((w) => w.userId))}::text[],
                ${textArray(uses.map((w) => w.orderId))}::text[]) AS w (coupon_id, user_id, order_id)
    WHERE u.${CLAIM.couponId} = w.coupon_id AND u.${CLAIM.userId} = w.user_id AND u.${CLAIM.status} = 'ACTIVE'`;
}

/** And are given back, by the order that used them and by no other. */
export async function giveCouponsBack(tx: Executor, uses: readonly CouponUse[]): Promise<void> {
  await tx`
    UPDATE ${CLAIM.table} u SET ${CLAIM.status} = 'ACTIVE', ${CLAIM.orderId} = NULL, ${CLAIM.updatedAt} = now()
    FROM unnest(${textArray(uses.map((w) => w.couponId))}::text[],
                ${textArray(uses.map((w) => w.userId))}::text[],
                ${textArray(uses.map((w) => w.orderId))}::text[]) AS w (coupon_id, user_id, order_id)
    WHERE u.${CLAIM.couponId} = w.coupon_id AND u.${CLAIM.userId} = w.user_id AND u.${CLAIM.status} = 'USED'
      AND u.${CLAIM.orderId} = w.order_id`;
}
