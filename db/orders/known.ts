import type { OrderId, ProductId } from "../../contracts/orders/ids.ts";
import type { ProductQuantity } from "../../contracts/orders/parts.ts";
import type { OrderStatus } from "../../contracts/orders/steps.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";
import { CART_LINE, ORDER, PRODUCT, SAGA } from "../names.ts";

/**
 * Whether PostgreSQL has the order `a.id`. A saga alone counts too, of an order that could not be inserted; one that has seen
 * nothing but a request to cancel does not.
 *
 * Scalar subqueries, because anything else may be planned while the tables are new and empty, and then reads them whole
 * until they are analyzed: 79 ms for one order beside 30,000.
 */
export const isKnown = (sql: Executor) => sql`
  coalesce((SELECT true FROM ${ORDER.table} WHERE ${ORDER.id} = a.id),
           (SELECT true FROM ${SAGA.table} WHERE ${SAGA.orderId} = a.id AND ${SAGA.state}->>'order' IS NOT NULL))`;

/** Those of the orders that PostgreSQL has. */
export async function knownOrders(sql: Executor, ids: readonly OrderId[]): Promise<Set<OrderId>> {
  const rows = await sql<{ id: OrderId }[]>`
    SELECT a.id FROM unnest(${textArray(ids)}::text[]) AS a (id) WHERE ${isKnown(sql)}`;
  return new Set(rows.map(({ id }) => id));
}

/** Orders among these that settled long ago, and whose saga role retention has taken since. */
export async function finishedOrders(tx: Executor, orderIds: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await tx<{ id: string }[]>`
    SELECT ${ORDER.id} FROM ${ORDER.table} WHERE ${ORDER.id} = ANY (${textArray(orderIds)}::text[])
      AND ${ORDER.sagaTakenAt} IS NOT NULL`;
  return new Set(rows.map(({ id }) => id));
}

/** A request for an order: its id is made of user, key and body. */
export interface KeyedOrder {
  readonly userId: UserId;
  readonly idempotencyKey: string;
  readonly orderId: OrderId;
}

/** What PostgreSQL knows of such a request. */
export interface KnownOrder {
  /** The order itself is there; null: it is not. */
  readonly status: OrderStatus | null;
  /** Its user's key stands for another order, that is, for another body. */
  readonly keyReused: boolean;
}

/**
 * In the order asked for. An order that could not be inserted has a saga and no row in `orders`; a saga that has seen nothing
 * but a request to cancel is no order yet.
 *
 * Scalar subqueries, because a join may be planned while the tables are new and empty, and then hashes them whole until they are
 * analyzed: 394 ms for one order beside 30,000, where an index look-up takes 0.05 ms.
 */
export async function findKeyedOrders(sql: Executor, asked: readonly KeyedOrder[]): Promise<KnownOrder[]> {
  const rows = await sql<{ keyOrder: OrderId | null; status: OrderStatus | null }[]>`
    SELECT (SELECT ${ORDER.id} FROM ${ORDER.table} WHERE user_id = a.user_id AND idempotency_key = a.idempotency_key) AS "keyOrder",
           coalesce((SELECT ${ORDER.status} FROM ${ORDER.table} WHERE ${ORDER.id} = a.order_id),
                    (SELECT ${SAGA.status} FROM ${SAGA.table} WHERE order_id = a.order_id
                    AND ${SAGA.state}->>'order' IS NOT NULL)) AS status
    FROM unnest(${textArray(asked.map(({ userId }) => userId))}::text[],
                ${textArray(asked.map(({ idempotencyKey }) => idempotencyKey))}::text[],
                ${textArray(asked.map(({ orderId }) => orderId))}::text[])
      WITH ORDINALITY AS a (user_id, idempotency_key, order_id, n)
    ORDER BY a.n`;
  return rows.map(({ keyOrder, status }, i) => ({
    status,
    keyReused: keyOrder !== null && keyOrder !== asked[i]!.orderId,
  }));
}

export interface CartToOrder {
  readonly lines: readonly ProductQuantity[];
  /** Those of the orders that PostgreSQL has: what they took is no longer in the cart. */
  readonly known: ReadonlySet<OrderId>;
}

/**
 * A user's cart, and which of these orders PostgreSQL has: one statement, so both are of one moment. An order and what it
 * takes out of the cart are committed together (order-saga), and only the one moment tells whether that has happened.
 */
export async function findCartToOrder(sql: Executor, userId: string, orders: readonly OrderId[]): Promise<CartToOrder> {
  const rows = await sql<{ id: string; quantity: number | null }[]>`
    SELECT i.${CART_LINE.productId} AS id, i.${CART_LINE.quantity} FROM ${CART_LINE.table} i JOIN ${PRODUCT.table} p
      ON p.${PRODUCT.id} = i.${CART_LINE.productId}
    WHERE i.${CART_LINE.userId} = ${userId}
    UNION ALL
    SELECT a.id, NULL FROM unnest(${textArray(orders)}::text[]) AS a (id) WHERE ${isKnown(sql)}`;
  const lines: ProductQuantity[] = [];
  const known = new Set<OrderId>();
  for (const { id, quantity } of rows) {
    if (quantity === null) known.add(id as OrderId);
    else lines.push({ productId: id as ProductId, quantity });
  }
  return { lines, known };
}
