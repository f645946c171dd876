import { sql } from "drizzle-orm";
import { bigint, boolean, check, date, index, integer, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import { MAX_STOCK } from "../../contracts/shop/http-catalogue.ts";
import { amount, id, oneOf, serial, time } from "./columns.ts";

/**
 * What is for sale. Rows are never deleted: orders point at them.
 * `stock` is what can still be sold; a reservation takes it out. It is changed by role stock and by restocking alone.
 */
export const products = pgTable(
  "products",
  {
    id: id("id").primaryKey(),
    name: text("name").notNull().default(""),
    stock: integer("stock").notNull(),
    // Taken out by reservations that were not released, the confirmed ones too: completing an order changes no product.
    reserved: integer("reserved").notNull().default(0),
    price: amount("price").notNull(),
    currency: text("currency").notNull().default("EUR"),
    flash: boolean("flash").notNull().default(false),
    // Whether GET /products has it.
    listed: boolean("listed").notNull().default(true),
    createdAt: time("created_at").notNull().default(sql`now()`),
    updatedAt: time("updated_at").notNull().default(sql`now()`),
  },
  (t) => [
    check("products_stock", sql`${t.stock} BETWEEN 0 AND ${sql.raw(String(MAX_STOCK))}`),
    check("products_reserved", sql`${t.reserved} >= 0`),
    check("products_price", sql`${t.price} >= 0`),
    check("products_currency", sql`${t.currency} ~ '^[A-Z]{3}$'`),
    index("products_by_age").on(t.createdAt, t.id),
    // The admission's loader asks for them every second; its columns never change, so stock moves no entry of it.
    index("products_flash").on(t.id).where(sql`${t.flash}`),
  ],
);

export const STOCK_MOVEMENTS = ["INITIAL", "RESTOCK", "REDUCTION"] as const;

/**
 * All stock that came in, and what went away unsold (REDUCTION, negative). A trigger writes INITIAL for each inserted product.
 * Together with the reservations it proves the stock: stock + RESERVED + CONFIRMED = the sum of the movements.
 */
export const stockMovements = pgTable(
  "stock_movements",
  {
    id: serial(),
    productId: id("product_id").notNull(),
    kind: text("kind").$type<(typeof STOCK_MOVEMENTS)[number]>().notNull(),
    quantity: integer("quantity").notNull(),
    // NULL: by the trigger.
    actor: text("actor"),
    at: time("at").notNull().default(sql`now()`),
  },
  (t) => [
    check("stock_movements_kind", oneOf(t.kind, STOCK_MOVEMENTS)),
    check("stock_movements_quantity", sql`(${t.kind} = 'REDUCTION') = (${t.quantity} < 0)`),
    index("stock_movements_by_product").on(t.productId),
  ],
);

export const RESERVATION_STATUSES = ["RESERVED", "CONFIRMED", "RELEASED"] as const;
export type ReservationStatus = (typeof RESERVATION_STATUSES)[number];

/** What an order took out of the stock, a row a line. CONFIRMED: sold. RELEASED: it went back, once. */
export const stockReservations = pgTable(
  "stock_reservations",
  {
    orderId: id("order_id").notNull(),
    productId: id("product_id").notNull(),
    quantity: integer("quantity").notNull(),
    status: text("status").$type<ReservationStatus>().notNull().default("RESERVED"),
    createdAt: time("created_at").notNull().default(sql`now()`),
    updatedAt: time("updated_at").notNull().default(sql`now()`),
  },
  (t) => [
    primaryKey({ columns: [t.orderId, t.productId] }),
    check("stock_reservations_quantity", sql`${t.quantity} >= 1`),
    check("stock_reservations_status", oneOf(t.status, RESERVATION_STATUSES)),
  ],
);

/** Pieces sold a day (UTC), counted by the transaction that confirms the reservations. The rankings are made from it. */
export const productSales = pgTable(
  "product_sales",
  {
    day: date("day", { mode: "string" }).notNull(),
    productId: id("product_id").notNull(),
    quantity: bigint("quantity", { mode: "number" }).notNull(),
  },
  (t) => [primaryKey({ columns: [t.day, t.productId] }), check("product_sales_quantity", sql`${t.quantity} >= 1`)],
);
