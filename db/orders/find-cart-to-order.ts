import type { OrderId, ProductId } from "../../contracts/orders/ids.ts";
import type { ProductQuantity } from "../../contracts/orders/parts.ts";
import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";
import { isKnown } from "./known-orders.ts";

export interface CartToOrder {
  readonly lines: readonly ProductQuantity[];
  /** Those of the orders that PostgreSQL has: what they took is no longer in the cart. */
  readonly known: ReadonlySet<OrderId>;
}

/**
 * A user's cart, and which of these orders PostgreSQL has: one statement, so both are of one moment. An order and what it
 * takes out of the cart are committed together (order-saga), and only the one moment tells whether that has happened.
 */
export async function findCartToOrder(sql: Executor, userId: string, orders: readonly OrderId[]): Promise<CartToOrder> {
  const rows = await sql<{ id: string; quantity: number | null }[]>`
    SELECT i.product_id AS id, i.quantity FROM cart_items i JOIN products p ON p.id = i.product_id
    WHERE i.user_id = ${userId}
    UNION ALL
    SELECT a.id, NULL FROM unnest(${textArray(orders)}::text[]) AS a (id) WHERE ${isKnown(sql)}`;
  const lines: ProductQuantity[] = [];
  const known = new Set<OrderId>();
  for (const { id, quantity } of rows) {
    if (quantity === null) known.add(id as OrderId);
    else lines.push({ productId: id as ProductId, quantity });
  }
  return { lines, known };
}
