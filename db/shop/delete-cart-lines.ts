import type { Sql } from "../client.ts";

/**
 * Takes one product out of a user's cart, or all (null). What is not there is no error. Every change of a cart locks its row
 * first (lock-carts.ts), or two that change several lines could wait for each other; without a row there are no lines.
 */
export async function deleteCartLines(sql: Sql, userId: string, productId: string | null): Promise<void> {
  await sql.begin(async (tx) => {
    await Promise.all([
      tx`UPDATE carts SET updated_at = now() WHERE user_id = ${userId}`.execute(),
      tx`
        DELETE FROM cart_items
        WHERE user_id = ${userId} AND (${productId}::text IS NULL OR product_id = ${productId})`.execute(),
    ]);
  });
}
