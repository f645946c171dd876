import type { Product } from "../../contracts/shop/http-catalogue.ts";
import type { Executor } from "../client.ts";
import { type ProductRow, productOf } from "./product-row.ts";

/** null: no such product. A prepared statement: when a sale begins, everybody looks at once. */
export async function findProduct(sql: Executor, id: string): Promise<Product | null> {
  const [row] = await sql<(Omit<ProductRow, "price"> & { price: string })[]>`
    SELECT id, name, stock, price, currency, flash, created_at AS "createdAt" FROM products WHERE id = ${id}`;
  return row === undefined ? null : productOf({ ...row, price: Number(row.price) });
}
