import type { OrderId, ProductId } from "../../contracts/orders/ids.ts";
import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";

export interface Reservation {
  readonly orderId: OrderId;
  readonly productId: ProductId;
  readonly quantity: number;
}

/** What these orders hold and may give back. What is CONFIRMED was sold: no restore reaches it. */
export function findReservations(sql: Executor, orderIds: readonly OrderId[]): Promise<Reservation[]> {
  return sql<Reservation[]>`
    SELECT order_id AS "orderId", product_id AS "productId", quantity FROM stock_reservations
    WHERE order_id = ANY (${textArray(orderIds)}::text[]) AND status = 'RESERVED'`;
}
