import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";

/** Steps whose command waits for an ill neighbour: it is sent again by whoever parked it. */
export function findParkedSteps(
  sql: Executor,
  orderIds: readonly string[],
): Promise<readonly { readonly orderId: string; readonly step: string }[]> {
  return sql<{ orderId: string; step: string }[]>`
    SELECT DISTINCT order_id AS "orderId", step FROM delayed_commands
    WHERE order_id = ANY (${textArray(orderIds)}::text[])`;
}
