import type { OrderId } from "../../contracts/orders/ids.ts";
import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";

/** Shipments of orders that are being undone. The caller holds the orders' outcome rows. */
export async function cancelShipments(tx: Executor, orderIds: readonly OrderId[]): Promise<void> {
  await tx`
    UPDATE shipments SET status = 'CANCELLED', updated_at = now()
    WHERE order_id = ANY (${textArray(orderIds)}::text[]) AND status = 'PREPARED'`;
}
