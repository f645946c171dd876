import type { OrderId } from "../../contracts/orders/ids.ts";
import type { ShippingAddress } from "../../contracts/orders/parts.ts";
import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";

export interface Shipment {
  readonly orderId: OrderId;
  readonly shipping: ShippingAddress;
}

/** Prepares shipments. As one JSON text: addresses are free text, which array literals would have to quote. */
export async function insertShipments(tx: Executor, shipments: readonly Shipment[]): Promise<void> {
  await tx`
    INSERT INTO shipments (order_id, country, address)
    SELECT s ->> 'orderId', s -> 'shipping' ->> 'country', s -> 'shipping'
    FROM jsonb_array_elements(${JSON.stringify(shipments)}::text::jsonb) AS s`;
}

/** Shipments of orders that are being undone. The caller holds the orders' outcome rows. */
export async function cancelShipments(tx: Executor, orderIds: readonly OrderId[]): Promise<void> {
  await tx`
    UPDATE shipments SET status = 'CANCELLED', updated_at = now()
    WHERE order_id = ANY (${textArray(orderIds)}::text[]) AND status = 'PREPARED'`;
}
