import type { OrderId } from "../../contracts/orders/ids.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";

/** A line of the points' ledger for an order: below 0 it took, above 0 it gave back. */
export interface OrderEntry {
  readonly orderId: OrderId;
  readonly userId: UserId;
  readonly delta: number;
}

/** What these orders took, given back or not. */
export async function findDeductions(sql: Executor, orderIds: readonly OrderId[]): Promise<OrderEntry[]> {
  const rows = await sql<(Omit<OrderEntry, "delta"> & { delta: string })[]>`
    SELECT order_id AS "orderId", user_id AS "userId", delta FROM point_ledger
    WHERE order_id = ANY (${textArray(orderIds)}::text[]) AND delta < 0`;
  return rows.map((row) => ({ ...row, delta: Number(row.delta) }));
}
