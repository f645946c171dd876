import type { OrderCreated } from "../../contracts/order-events.ts";
import type { Executor } from "../client.ts";

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
  const rows = await tx<{ id: string }[]>`
    WITH new AS (
      SELECT * FROM json_to_recordset(${JSON.stringify(orders)}::text::json)
        AS o ("orderId" text, "orderNumber" text, "userId" text, "totalAmount" bigint, "discountAmount" bigint,
              "pointsUsed" bigint, "payableAmount" bigint, currency text, "couponId" text, "idempotencyKey" text,
              source text, payment jsonb, shipping jsonb, "createdAt" timestamptz, items json)
    ), inserted AS (
      INSERT INTO orders (id, order_number, user_id, status, total_amount, discount_amount, points_used, payable_amount,
                          currency, coupon_id, idempotency_key, source, payment, shipping, created_at)
      SELECT "orderId", "orderNumber", "userId", 'PROCESSING', "totalAmount", "discountAmount", "pointsUsed",
             "payableAmount", currency, "couponId", CASE WHEN ${withKey}::boolean THEN "idempotencyKey" END, source,
             payment, shipping, "createdAt"
      FROM new ORDER BY "orderId" COLLATE "C"
      ON CONFLICT DO NOTHING
      RETURNING id
    ), lines AS (
      INSERT INTO order_items (order_id, product_id, quantity, unit_price)
      SELECT id, i."productId", i.quantity, i."unitPrice"
      FROM inserted JOIN new ON new."orderId" = inserted.id
      CROSS JOIN json_to_recordset(new.items) AS i ("productId" text, quantity int, "unitPrice" bigint)
    )
    SELECT id FROM inserted`;
  return rows.map(({ id }) => id);
}
