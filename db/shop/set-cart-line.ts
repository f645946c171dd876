import { MAX_LINES } from "../../contracts/orders/parts.ts";
import type { SetCartLine } from "../../contracts/shop/http-cart.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { Sql } from "../client.ts";

/**
 * Sets a line of a user's cart. The cart's row is locked first, in a statement of its own: the next one then sees, and
 * counts, what another request of the same user committed meanwhile. A line that is there may change in a full cart, too
 * (a cancelled order may have put back more than fits).
 * @throws StampedeError PRODUCT_NOT_FOUND, CART_FULL
 */
export async function setCartLine(sql: Sql, userId: string, { productId, quantity }: SetCartLine): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`
      INSERT INTO carts (user_id) VALUES (${userId}) ON CONFLICT (user_id) DO UPDATE SET updated_at = now()`;
    const [line] = await tx`
      INSERT INTO cart_items (user_id, product_id, quantity)
      SELECT ${userId}, p.id, ${quantity} FROM products p
      WHERE p.id = ${productId}
        AND (EXISTS (SELECT FROM cart_items WHERE user_id = ${userId} AND product_id = p.id)
             OR (SELECT count(*) FROM cart_items WHERE user_id = ${userId}) < ${MAX_LINES})
      ON CONFLICT (user_id, product_id) DO UPDATE SET quantity = excluded.quantity
      RETURNING 1`;
    if (line !== undefined) return;
    const [known] = await tx`SELECT 1 FROM products WHERE id = ${productId}`;
    if (known === undefined) throw new StampedeError("PRODUCT_NOT_FOUND");
    throw new StampedeError("CART_FULL", `a cart has at most ${MAX_LINES} lines`);
  });
}
