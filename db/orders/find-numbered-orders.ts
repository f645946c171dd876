import { idRangesOf, type OrderId, type OrderNumber, orderNumberOf } from "../../contracts/orders/ids.ts";
import type { Executor } from "../client.ts";

/** Ids of the orders with this number, of any user: hardly ever more than one. */
export async function findNumberedOrders(sql: Executor, number: OrderNumber): Promise<OrderId[]> {
  const [low, high] = idRangesOf(number) as [{ from: string; below: string }, { from: string; below: string }];
  const rows = await sql<{ id: OrderId }[]>`
    SELECT id FROM orders WHERE (id >= ${low.from} AND id < ${low.below}) OR (id >= ${high.from} AND id < ${high.below})
    UNION
    SELECT order_id FROM order_sagas
    WHERE (order_id >= ${low.from} AND order_id < ${low.below}) OR (order_id >= ${high.from} AND order_id < ${high.below})`;
  return rows.map(({ id }) => id).filter((id) => orderNumberOf(id) === number);
}
