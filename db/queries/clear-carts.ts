import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";

export interface CartLine {
  readonly userId: string;
  readonly productId: string;
  readonly quantity: number;
}

/**
 * Takes what was ordered out of carts. Lines that were put in meanwhile stay. Rows are locked in order: several orders of
 * a batch may come from carts that another batch clears too.
 */
export async function clearCarts(tx: Executor, lines: readonly CartLine[]): Promise<void> {
  if (lines.length === 0) return;
  await tx`
    WITH ordered AS (
      SELECT c.user_id, c.product_id
      FROM (SELECT DISTINCT * FROM unnest(${textArray(lines.map(({ userId }) => userId))}::text[],
                                          ${textArray(lines.map(({ productId }) => productId))}::text[])
              AS l (user_id, product_id)) l
      JOIN cart_items c ON c.user_id = l.user_id AND c.product_id = l.product_id
      ORDER BY c.user_id, c.product_id FOR UPDATE OF c
    )
    DELETE FROM cart_items c USING ordered o WHERE c.user_id = o.user_id AND c.product_id = o.product_id`;
}
