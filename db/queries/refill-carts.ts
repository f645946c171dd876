import { intArray, textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";
import type { CartLine } from "./clear-carts.ts";

/**
 * Puts the lines of cancelled orders back into their carts. A line that is there is the user's newer wish and stays; a full
 * cart takes them all the same. The carts' rows are locked first, as whoever sets a line does.
 */
export async function refillCarts(tx: Executor, lines: readonly CartLine[]): Promise<void> {
  if (lines.length === 0) return;
  const users = textArray(lines.map(({ userId }) => userId));
  const locked = tx`
    INSERT INTO carts (user_id)
    SELECT DISTINCT user_id FROM unnest(${users}::text[]) AS u (user_id) ORDER BY user_id
    ON CONFLICT (user_id) DO UPDATE SET updated_at = now()`;
  const filled = tx`
    INSERT INTO cart_items (user_id, product_id, quantity)
    SELECT * FROM unnest(${users}::text[],
                         ${textArray(lines.map(({ productId }) => productId))}::text[],
                         ${intArray(lines.map(({ quantity }) => quantity))}::int[])
      AS l (user_id, product_id, quantity)
    ORDER BY user_id, product_id
    ON CONFLICT DO NOTHING`;
  await Promise.all([locked, filled]);
}
