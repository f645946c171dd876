import type { ProductQuantity } from "../../contracts/orders/parts.ts";
import { intArray, textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";

/**
 * Counts what a batch of completed orders sold, a row per product and day. Call it in the transaction that completes them:
 * a repeated event completes nothing and so counts nothing. Rows in the order of their products, each once: two batches
 * wait for each other instead of deadlocking.
 * @param day of the completion, UTC, `2027-01-31`
 */
export async function countSales(tx: Executor, day: string, sold: readonly ProductQuantity[]): Promise<void> {
  if (sold.length === 0) return;
  await tx`
    INSERT INTO product_sales AS s (day, product_id, quantity)
    SELECT ${day}::date, product_id, sum(quantity)
    FROM unnest(${textArray(sold.map(({ productId }) => productId))}::text[],
                ${intArray(sold.map(({ quantity }) => quantity))}::int[]) AS sold (product_id, quantity)
    GROUP BY product_id ORDER BY product_id COLLATE "C"
    ON CONFLICT (day, product_id) DO UPDATE SET quantity = s.quantity + excluded.quantity`;
}
