import type { OrderId } from "../../contracts/order-ids.ts";
import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";

/**
 * Those of the orders that PostgreSQL has. A saga alone counts too, of an order that could not be inserted; one that has
 * seen nothing but a request to cancel does not.
 */
export async function knownOrders(sql: Executor, ids: readonly OrderId[]): Promise<Set<OrderId>> {
  const asked = textArray(ids);
  const rows = await sql<{ id: OrderId }[]>`
    SELECT id FROM orders WHERE id = ANY (${asked}::text[])
    UNION
    SELECT order_id FROM order_sagas WHERE order_id = ANY (${asked}::text[]) AND state->>'order' IS NOT NULL`;
  return new Set(rows.map(({ id }) => id));
}
