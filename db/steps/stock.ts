import type { OrderId, ProductId } from "../../contracts/orders/ids.ts";
import { intArray, textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";
import { PRODUCT, RESERVATION } from "../names.ts";

/**
 * What can still be sold of each of the products, held until the transaction ends. Rows are locked by id, so batches that
 * share products wait for each other and never deadlock. Rejected: SKIP LOCKED, which refuses orders that would have
 * fitted, and no lock with `stock >= quantity` in the UPDATE, which can't take all lines of an order or none.
 */
export async function lockProducts(tx: Executor, ids: readonly ProductId[]): Promise<Map<ProductId, number>> {
  const rows = await tx<{ id: ProductId; stock: number }[]>`
    SELECT ${PRODUCT.id}, ${PRODUCT.stock} FROM ${PRODUCT.table} WHERE ${PRODUCT.id} = ANY (${textArray(ids)}::text[])
      ORDER BY ${PRODUCT.id} FOR NO KEY UPDATE`;
  return new Map(rows.map(({ id, stock }) => [id, stock]));
}

/** Takes pieces out of the stock of products (below 0: puts them back), one row version each, however many orders they serve. */
export async function moveStock(tx: Executor, taken: ReadonlyMap<ProductId, number>): Promise<void> {
  await tx`
    UPDATE ${PRODUCT.table} p SET ${PRODUCT.stock} = p.${PRODUCT.stock} - t.pieces,
      ${PRODUCT.reserved} = p.${PRODUCT.reserved} + t.pieces, ${PRODUCT.updatedAt} = now()
    FROM unnest(${textArray([...taken.keys()])}::text[], ${intArray([...taken.values()])}::int[]) AS t (id, pieces)
    WHERE p.${PRODUCT.id} = t.id`;
}

export interface Reservation {
  readonly orderId: OrderId;
  readonly productId: ProductId;
  readonly quantity: number;
}

/** What these orders hold and may give back. What is CONFIRMED was sold: no restore reaches it. */
export function findReservations(sql: Executor, orderIds: readonly OrderId[]): Promise<Reservation[]> {
  return sql<Reservation[]>`
    SELECT ${RESERVATION.orderId} AS "orderId", ${RESERVATION.productId} AS "productId", ${RESERVATION.quantity}
      FROM ${RESERVATION.table}
    WHERE ${RESERVATION.orderId} = ANY (${textArray(orderIds)}::text[]) AND ${RESERVATION.status} = 'RESERVED'`;
}

/** What orders take out of the stock; moveStock takes it in the same transaction. */
export async function insertReservations(tx: Executor, reservations: readonly Reservation[]): Promise<void> {
  await tx`
    INSERT INTO ${RESERVATION.table} (${RESERVATION.orderId}, ${RESERVATION.productId}, ${RESERVATION.quantity})
    SELECT * FROM unnest(${textArray(reservations.map((r) => r.orderId))}::text[],
                         ${textArray(reservations.map((r) => r.productId))}::text[],
                         ${intArray(reservations.map((r) => r.quantity))}::int[])`;
}

/** The other half of giving stock back; the caller holds the products' rows and has read what these orders hold. */
export async function releaseReservations(tx: Executor, orderIds: readonly OrderId[]): Promise<void> {
  await tx`
    UPDATE ${RESERVATION.table} SET ${RESERVATION.status} = 'RELEASED', ${RESERVATION.updatedAt} = now()
    WHERE ${RESERVATION.orderId} = ANY (${textArray(orderIds)}::text[]) AND ${RESERVATION.status} = 'RESERVED'`;
}

/** What completed orders had reserved is sold. Rows in order, as role stock locks them when it releases others. */
export async function confirmReservations(tx: Executor, orderIds: readonly string[]): Promise<void> {
  if (orderIds.length === 0) return;
  await tx`
    WITH held AS (
      SELECT ${RESERVATION.orderId}, ${RESERVATION.productId} FROM ${RESERVATION.table}
      WHERE ${RESERVATION.orderId} = ANY (${textArray(orderIds)}::text[]) AND ${RESERVATION.status} = 'RESERVED'
      ORDER BY ${RESERVATION.orderId}, ${RESERVATION.productId} FOR UPDATE
    )
    UPDATE ${RESERVATION.table} r SET ${RESERVATION.status} = 'CONFIRMED', ${RESERVATION.updatedAt} = now()
    FROM held h WHERE r.${RESERVATION.orderId} = h.${RESERVATION.orderId}
      AND r.${RESERVATION.productId} = h.${RESERVATION.productId}`;
}
