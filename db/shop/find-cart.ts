import type { CartLine } from "../../contracts/shop/http-cart.ts";
import type { Money } from "../../contracts/wire/money.ts";
import type { Executor } from "../client.ts";

/** A user's cart at today's prices, in the order in which the lines came. */
export async function findCart(sql: Executor, userId: string): Promise<CartLine[]> {
  const rows = await sql<(Omit<CartLine, "unitPrice"> & { unitPrice: string })[]>`
    SELECT p.id AS "productId", p.name, i.quantity, p.price AS "unitPrice", p.currency,
           p.stock >= i.quantity AS "inStock"
    FROM cart_items i JOIN products p ON p.id = i.product_id
    WHERE i.user_id = ${userId}
    ORDER BY i.added_at, i.product_id`;
  return rows.map((row) => ({ ...row, unitPrice: Number(row.unitPrice) as Money }));
}
