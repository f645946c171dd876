import type { OrderId } from "../../contracts/orders/ids.ts";
import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";

/** The other half of giving stock back; the caller holds the products' rows and has read what these orders hold. */
export async function releaseReservations(tx: Executor, orderIds: readonly OrderId[]): Promise<void> {
  await tx`
    UPDATE stock_reservations SET status = 'RELEASED', updated_at = now()
    WHERE order_id = ANY (${textArray(orderIds)}::text[]) AND status = 'RESERVED'`;
}
