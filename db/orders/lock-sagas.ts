import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";

/**
 * Locks the sagas of a batch until the transaction ends and tells their versions; an order that nobody has heard of has no
 * row. In the order of their ids: two batches that share orders wait for each other instead of deadlocking.
 */
export async function lockSagas(tx: Executor, orderIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const rows = await tx<{ orderId: string; version: number }[]>`
    SELECT order_id AS "orderId", version FROM order_sagas
    WHERE order_id = ANY (${textArray(orderIds)}::text[]) ORDER BY order_id FOR UPDATE`;
  return new Map(rows.map(({ orderId, version }) => [orderId, version]));
}
