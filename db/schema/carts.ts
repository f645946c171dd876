import { sql } from "drizzle-orm";
import { check, integer, pgTable, primaryKey } from "drizzle-orm/pg-core";
import { id, time } from "./columns.ts";

/** One row per user who ever had a cart: what changes of the cart lock, so that its lines can be counted. */
export const carts = pgTable("carts", {
  userId: id("user_id").primaryKey(),
  updatedAt: time("updated_at").notNull().default(sql`now()`),
});

/** A line per product. No price: a cart promises none, the door of orders takes today's. */
export const cartItems = pgTable(
  "cart_items",
  {
    userId: id("user_id").notNull(),
    productId: id("product_id").notNull(),
    quantity: integer("quantity").notNull(),
    addedAt: time("added_at").notNull().default(sql`now()`),
  },
  (t) => [primaryKey({ columns: [t.userId, t.productId] }), check("cart_items_quantity", sql`${t.quantity} >= 1`)],
);
