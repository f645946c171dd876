import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";

/**
 * The sagas of a batch, each locked until the transaction ends. In the order of their ids: two batches that share orders
 * wait for each other instead of deadlocking. An order that nobody has heard of has no row.
 */
export function lockSagas(
  tx: Executor,
  orderIds: readonly string[],
): Promise<readonly { readonly orderId: string; readonly state: unknown }[]> {
  return tx<{ orderId: string; state: unknown }[]>`
    SELECT order_id AS "orderId", state FROM order_sagas
    WHERE order_id = ANY (${textArray(orderIds)}::text[]) ORDER BY order_id FOR UPDATE`;
}
