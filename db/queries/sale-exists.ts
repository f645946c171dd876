import type { Executor } from "../client.ts";

/** Whether there is such a sale; prepared, because a flood of made-up ids ends here. */
export async function saleExists(sql: Executor, couponId: string): Promise<boolean> {
  return (await sql`SELECT 1 FROM coupons WHERE id = ${couponId}`).length === 1;
}
