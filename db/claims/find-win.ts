import type { Executor } from "../client.ts";

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
