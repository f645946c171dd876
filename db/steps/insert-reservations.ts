import { intArray, textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";
import type { Reservation } from "./find-reservations.ts";

/** What orders take out of the stock; move-stock.ts takes it in the same transaction. */
export async function insertReservations(tx: Executor, reservations: readonly Reservation[]): Promise<void> {
  await tx`
    INSERT INTO stock_reservations (order_id, product_id, quantity)
    SELECT * FROM unnest(${textArray(reservations.map((r) => r.orderId))}::text[],
                         ${textArray(reservations.map((r) => r.productId))}::text[],
                         ${intArray(reservations.map((r) => r.quantity))}::int[])`;
}
