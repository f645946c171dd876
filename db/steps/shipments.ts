import type { OrderId } from "../../contracts/orders/ids.ts";
import type { ShippingAddress } from "../../contracts/orders/parts.ts";
import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";
import { SHIPMENT } from "../names.ts";

export interface Shipment {
  readonly orderId: OrderId;
  readonly shipping: ShippingAddress;
}

/** Prepares shipments. As one JSON text: addresses are free text, which array literals would have to quote. */
export async function insertShipments(tx: Executor, shipments: readonly Shipment[]): Promise<void> {
  await tx`
    INSERT INTO ${SHIPMENT.table} (${SHIPMENT.orderId}, ${SHIPMENT.country}, ${SHIPMENT.address})
    SELECT s ->> 'orderId', s -> 'shipping' ->> 'country', s -> 'shipping'
    FROM jsonb_array_elements(${JSON.stringify(shipments)}::text::jsonb) AS s`;
}

/** Shipments of orders that are being undone. The caller holds the orders' outcome rows. */
export async function cancelShipments(tx: Executor, orderIds: readonly OrderId[]): Promise<void> {
  await tx`
    UPDATE ${SHIPMENT.table} SET ${SHIPMENT.status} = 'CANCELLED', ${SHIPMENT.updatedAt} = now()
    WHERE ${SHIPMENT.orderId} = ANY (${textArray(orderIds)}::text[]) AND ${SHIPMENT.status} = 'PREPARED'`;
}
