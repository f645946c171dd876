import type { OrderCreated } from "../../contracts/orders/events.ts";
import type { OrderStatus } from "../../contracts/orders/steps.ts";
import { intArray, jsonTexts, textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";
import { LINE, ORDER } from "../names.ts";

/** An order as it was placed. */
export type NewOrder = OrderCreated["data"] & {
  /** ISO 8601, by the door's clock. */
  readonly createdAt: string;
};

/**
 * Orders with their lines, PROCESSING: one statement, so an order without lines never exists.
 * @param withKey false: of orders whose idempotency key belongs to another order; they are kept to be cancelled
 * @returns ids of those that were inserted; of the others either the id is there already, or their user's key
 */
export async function insertOrders(tx: Executor, orders: readonly NewOrder[], withKey: boolean): Promise<string[]> {
  if (orders.length === 0) return [];
  const lines = orders.flatMap(({ orderId, items }) => items.map((item) => ({ orderId, ...item })));
  const rows = await tx<{ id: string }[]>`
    WITH inserted AS (
      INSERT INTO ${ORDER.table} (${ORDER.id}, ${ORDER.orderNumber}, ${ORDER.userId}, ${ORDER.status},
        ${ORDER.totalAmount}, ${ORDER.discountAmount}, ${ORDER.pointsUsed}, ${ORDER.payableAmount},
                          ${ORDER.currency}, ${ORDER.couponId}, ${ORDER.idempotencyKey}, ${ORDER.source}, ${ORDER.payment},
                          ${ORDER.shipping}, ${ORDER.createdAt})
      SELECT id, order_number, user_id, 'PROCESSING', total_amount, discount_amount, points_used, payable_amount,
             currency, nullif(coupon_id, ''), CASE WHEN ${withKey}::boolean THEN idempotency_key END, source,
             payment::jsonb, shipping::jsonb, created_at
      FROM unnest(${textArray(orders.map((o) => o.orderId))}::text[],
                  ${textArray(orders.map((o) => o.orderNumber))}::text[],
                  ${textArray(orders.map((o) => o.userId))}::text[],
                  ${intArray(orders.map((o) => o.totalAmount))}::bigint[],
                  ${intArray(orders.map((o) => o.discountAmount))}::bigint[],
                  ${intArray(orders.map((o) => o.pointsUsed))}::bigint[],
                  ${intArray(orders.map((o) => o.payableAmount))}::bigint[],
                  ${textArray(orders.map((o) => o.currency))}::text[],
                  ${textArray(orders.map((o) => o.couponId ?? ""))}::text[],
                  ${textArray(orders.map((o) => o.idempotencyKey))}::text[],
                  ${textArray(orders.map((o) => o.source))}::text[],
                  ${jsonTexts(
                    tx,
                    orders.map((o) => o.payment),
                  )},
                  ${jsonTexts(
                    tx,
                    orders.map((o) => o.shipping),
                  )},
                  ${textArray(orders.map((o) => o.createdAt))}::text[]::timestamptz[])
        AS o (id, order_number, user_id, total_amount, discount_amount, points_used, payable_amount, currency, coupon_id,
              idempotency_key, source, payment, shipping, created_at)
      ORDER BY id COLLATE "C"
      ON CONFLICT DO NOTHING
      RETURNING ${ORDER.id}
    ), lines AS (
      INSERT INTO ${LINE.table} (${LINE.orderId}, ${LINE.productId}, ${LINE.quantity}, ${LINE.unitPrice})
      SELECT i.order_id, i.product_id, i.quantity, i.unit_price
      FROM unnest(${textArray(lines.map((l) => l.orderId))}::text[],
                  ${textArray(lines.map((l) => l.productId))}::text[],
                  ${intArray(lines.map((l) => l.quantity))}::int[],
                  ${intArray(lines.map((l) => l.unitPrice))}::bigint[]) AS i (order_id, product_id, quantity, unit_price)
      JOIN inserted ON inserted.${ORDER.id} = i.order_id
    )
    SELECT ${ORDER.id} FROM inserted`;
  return rows.map(({ id }) => id);
}

export interface OpenedOrders {
  /** Orders that were not there before. */
  readonly inserted: ReadonlySet<string>;
  /** Those of them that have no key, and are cancelled. */
  readonly refused: ReadonlySet<string>;
}

/**
 * Inserts new orders. Refused are those whose idempotency key stands for another order of their user (another body under the
 * same key, which the door had forgotten): they get a row without the key, and are cancelled. Of two in one batch, the first
 * has the key.
 */
export async function openOrders(tx: Executor, orders: readonly NewOrder[]): Promise<OpenedOrders> {
  const keyOf = ({ userId, idempotencyKey }: NewOrder) => `${userId} ${idempotencyKey}`;
  const holders = new Map(orders.toReversed().map((order) => [keyOf(order), order]));
  const inserted = new Set(await insertOrders(tx, [...holders.values()], true));
  if (inserted.size === orders.length) return { inserted, refused: new Set() };
  const rest = orders.filter(({ orderId }) => !inserted.has(orderId));
  const refused = new Set(await insertOrders(tx, rest, false));
  return { inserted: new Set([...inserted, ...refused]), refused };
}

export interface OrderChange {
  readonly orderId: string;
  readonly status: OrderStatus;
  /** Why it is, or will be, cancelled. */
  readonly reason: string | null;
  readonly productId: string | null;
  /** ISO 8601; null: not settled. */
  readonly settledAt: string | null;
}

/** New statuses of orders whose saga rows the transaction holds: these are the locks, so no order of ids is needed. */
export async function updateOrders(tx: Executor, changes: readonly OrderChange[]): Promise<void> {
  if (changes.length === 0) return;
  await tx`
    UPDATE ${ORDER.table} o
    SET ${ORDER.status} = n.status, ${ORDER.failureReason} = n.reason, ${ORDER.failureProductId} = n."productId",
      ${ORDER.settledAt} = n."settledAt",
        ${ORDER.updatedAt} = now()
    FROM json_to_recordset(${JSON.stringify(changes)}::text::json)
      AS n ("orderId" text, status text, reason text, "productId" text, "settledAt" timestamptz)
    WHERE o.${ORDER.id} = n."orderId"`;
}
