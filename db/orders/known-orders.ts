import type { OrderId } from "../../contracts/orders/ids.ts";
import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";

/**
 * Whether PostgreSQL has the order `a.id`. A saga alone counts too, of an order that could not be inserted; one that has seen
 * nothing but a request to cancel does not.
 *
 * Scalar subqueries, because anything else may be planned while the tables are new and empty, and then reads them whole
 * until they are analyzed: 79 ms for one order beside 30,000.
 */
export const isKnown = (sql: Executor) => sql`
  coalesce((SELECT true FROM orders WHERE id = a.id),
           (SELECT true FROM order_sagas WHERE order_id = a.id AND state->>'order' IS NOT NULL))`;

/** Those of the orders that PostgreSQL has. */
export async function knownOrders(sql: Executor, ids: readonly OrderId[]): Promise<Set<OrderId>> {
  const rows = await sql<{ id: OrderId }[]>`
    SELECT a.id FROM unnest(${textArray(ids)}::text[]) AS a (id) WHERE ${isKnown(sql)}`;
  return new Set(rows.map(({ id }) => id));
}
