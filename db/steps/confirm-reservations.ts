import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";

/** What completed orders had reserved is sold. Rows in order, as role stock locks them when it releases others. */
export async function confirmReservations(tx: Executor, orderIds: readonly string[]): Promise<void> {
  if (orderIds.length === 0) return;
  await tx`
    WITH held AS (
      SELECT order_id, product_id FROM stock_reservations
      WHERE order_id = ANY (${textArray(orderIds)}::text[]) AND status = 'RESERVED'
      ORDER BY order_id, product_id FOR UPDATE
    )
    UPDATE stock_reservations r SET status = 'CONFIRMED', updated_at = now()
    FROM held h WHERE r.order_id = h.order_id AND r.product_id = h.product_id`;
}
