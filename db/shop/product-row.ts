import type { Product } from "../../contracts/shop/http-catalogue.ts";
import type { products } from "../schema.ts";

/** What is shown of a product. */
export type ProductRow = Omit<typeof products.$inferSelect, "reserved" | "updatedAt">;

/** A row as everybody may see it. */
export function productOf(row: ProductRow): Product {
  const { id, name, stock, price, currency, flash, createdAt } = row;
  return { id, productId: id, name, stock, price, currency, flash, createdAt: createdAt.toISOString() } as Product;
}
