import type { Executor } from "../client.ts";

/** The request by which somebody holds this slot of the sale; null: nobody does. */
export async function slotHolder(sql: Executor, couponId: string, slot: number): Promise<string | null> {
  const [row] = await sql<{ request_id: string }[]>`
    SELECT request_id FROM user_coupons WHERE coupon_id = ${couponId} AND slot = ${slot} AND status <> 'REVOKED'`;
  return row?.request_id ?? null;
}
