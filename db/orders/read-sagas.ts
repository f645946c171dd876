import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";

/** The states of sagas; whoever writes them has locked them before. */
export function readSagas(
  tx: Executor,
  orderIds: readonly string[],
): Promise<readonly { readonly orderId: string; readonly state: unknown }[]> {
  return tx<{ orderId: string; state: unknown }[]>`
    SELECT order_id AS "orderId", state FROM order_sagas WHERE order_id = ANY (${textArray(orderIds)}::text[])`;
}
