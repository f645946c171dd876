import { sql } from "drizzle-orm";
import { boolean, check, index, integer, jsonb, pgTable, primaryKey, text, unique } from "drizzle-orm/pg-core";
import { ORDER_STATUSES, type OrderStatus } from "../../contracts/orders/steps.ts";
import { amount, id, oneOf, time } from "./columns.ts";

/**
 * Orders as they were priced at the door. `id` is a UUIDv5 of user, key and body, so another body under the same key is
 * another id, which the unique key refuses. It is text, as in user_coupons.order_id.
 * No index holds the status: it changes several times an order, and an update that moves no index entry stays on its page.
 */
export const orders = pgTable(
  "orders",
  {
    id: id("id").primaryKey(),
    orderNumber: text("order_number").notNull().default(""),
    userId: id("user_id").notNull(),
    status: text("status").$type<OrderStatus>().notNull().default("PENDING"),
    totalAmount: amount("total_amount").notNull(),
    discountAmount: amount("discount_amount").notNull().default(0),
    pointsUsed: amount("points_used").notNull().default(0),
    payableAmount: amount("payable_amount").notNull(),
    currency: text("currency").notNull().default("EUR"),
    couponId: id("coupon_id"),
    // NULL: of an order that was cancelled because another one holds the key.
    idempotencyKey: id("idempotency_key"),
    source: text("source").$type<"items" | "cart">().notNull().default("items"),
    payment: jsonb("payment").$type<Record<string, unknown>>(),
    shipping: jsonb("shipping").$type<Record<string, unknown>>(),
    // Result code of a CANCELLED order, and the product it is about.
    failureReason: text("failure_reason"),
    failureProductId: id("failure_product_id"),
    createdAt: time("created_at").notNull().default(sql`now()`),
    updatedAt: time("updated_at").notNull().default(sql`now()`),
    settledAt: time("settled_at"),
    // When role retention took its saga, long after it settled; NULL: the saga is there.
    sagaTakenAt: time("saga_taken_at"),
  },
  (t) => [
    unique("orders_idempotency_key").on(t.userId, t.idempotencyKey),
    index("orders_by_user").on(t.userId, t.createdAt, t.id),
    index("orders_by_age").on(t.createdAt, t.id),
    check("orders_status", oneOf(t.status, ORDER_STATUSES)),
    check(
      "orders_amounts",
      sql`${t.discountAmount} >= 0 AND ${t.pointsUsed} >= 0 AND ${t.payableAmount} >= 0 AND ${t.payableAmount} = ${t.totalAmount} - ${t.discountAmount} - ${t.pointsUsed}`,
    ),
    check("orders_currency", sql`${t.currency} ~ '^[A-Z]{3}$'`),
    check("orders_source", oneOf(t.source, ["items", "cart"])),
  ],
);

/** An order's lines, each product once, at the price of the door. */
export const orderItems = pgTable(
  "order_items",
  {
    orderId: id("order_id").notNull(),
    productId: id("product_id").notNull(),
    quantity: integer("quantity").notNull(),
    unitPrice: amount("unit_price").notNull(),
    // Of an order from the cart: whether inserting it took this line out of the cart, so that cancelling it puts the line back.
    // NULL: not from the cart, or inserted by a release that did not say; then it took the line.
    fromCart: boolean("from_cart"),
  },
  (t) => [
    primaryKey({ columns: [t.orderId, t.productId] }),
    check("order_items_quantity", sql`${t.quantity} >= 1`),
    check("order_items_unit_price", sql`${t.unitPrice} >= 0`),
  ],
);
