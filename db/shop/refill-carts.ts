import { intArray, textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";
import type { CartLine } from "./clear-carts.ts";

/**
 * Puts what cancelled orders took out of carts (clear-carts.ts) back into them; the transaction holds the carts
 * (lock-carts.ts). A line that is there is the user's newer wish and stays; a full cart takes them all the same.
 */
export async function refillCarts(tx: Executor, lines: readonly CartLine[]): Promise<void> {
  if (lines.length === 0) return;
  await tx`
    INSERT INTO cart_items (user_id, product_id, quantity)
    SELECT l.user_id, l.product_id, l.quantity
    FROM unnest(${textArray(lines.map(({ orderId }) => orderId))}::text[],
                ${textArray(lines.map(({ userId }) => userId))}::text[],
                ${textArray(lines.map(({ productId }) => productId))}::text[],
                ${intArray(lines.map(({ quantity }) => quantity))}::int[])
      AS l (order_id, user_id, product_id, quantity)
    JOIN order_items i ON i.order_id = l.order_id AND i.product_id = l.product_id
    WHERE i.from_cart IS DISTINCT FROM false
    ON CONFLICT DO NOTHING`;
}
