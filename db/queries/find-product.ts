import { eq } from "drizzle-orm";
import type { Product } from "../../contracts/http-catalogue.ts";
import type { Orm } from "../client.ts";
import { products } from "../schema.ts";
import { productOf } from "./product-row.ts";

/** null: no such product. */
export async function findProduct(orm: Orm, id: string): Promise<Product | null> {
  const [row] = await orm.select().from(products).where(eq(products.id, id));
  return row === undefined ? null : productOf(row);
}
