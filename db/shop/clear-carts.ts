import { intArray, textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";

/** A line of an order that was made from its user's cart. */
export interface CartLine {
  readonly orderId: string;
  readonly userId: string;
  readonly productId: string;
  readonly quantity: number;
}

/**
 * Takes what was ordered out of carts, which the transaction holds (lock-carts.ts), and notes at the order's lines which of them
 * it took. A line whose quantity was changed since is its user's newer wish, and stays.
 */
export async function clearCarts(tx: Executor, lines: readonly CartLine[]): Promise<void> {
  if (lines.length === 0) return;
  await tx`
    WITH ordered AS (
      SELECT * FROM unnest(${textArray(lines.map(({ orderId }) => orderId))}::text[],
                           ${textArray(lines.map(({ userId }) => userId))}::text[],
                           ${textArray(lines.map(({ productId }) => productId))}::text[],
                           ${intArray(lines.map(({ quantity }) => quantity))}::int[])
        AS l (order_id, user_id, product_id, quantity)
    ), taken AS (
      DELETE FROM cart_items c USING ordered l
      WHERE c.user_id = l.user_id AND c.product_id = l.product_id AND c.quantity = l.quantity
      RETURNING l.order_id, l.product_id
    )
    UPDATE order_items i
    SET from_cart = EXISTS (SELECT FROM taken t WHERE t.order_id = i.order_id AND t.product_id = i.product_id)
    FROM ordered l WHERE i.order_id = l.order_id AND i.product_id = l.product_id`;
}
