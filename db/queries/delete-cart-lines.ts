import type { Executor } from "../client.ts";

/** Takes one product out of a user's cart, or all (null). What is not there is no error. */
export async function deleteCartLines(sql: Executor, userId: string, productId: string | null): Promise<void> {
  await sql`
    DELETE FROM cart_items
    WHERE user_id = ${userId} AND (${productId}::text IS NULL OR product_id = ${productId})`;
}
