import { intArray, textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";
import type { CartLine } from "./clear-carts.ts";

/**
 * Puts the lines of cancelled orders back into their carts, which the transaction holds (lock-carts.ts). A line that is there
 * is the user's newer wish and stays; a full cart takes them all the same.
 */
export async function refillCarts(tx: Executor, lines: readonly CartLine[]): Promise<void> {
  if (lines.length === 0) return;
  await tx`
    INSERT INTO cart_items (user_id, product_id, quantity)
    SELECT * FROM unnest(${textArray(lines.map(({ userId }) => userId))}::text[],
                         ${textArray(lines.map(({ productId }) => productId))}::text[],
                         ${intArray(lines.map(({ quantity }) => quantity))}::int[])
    ON CONFLICT DO NOTHING`;
}
