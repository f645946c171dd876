import { and, desc, eq, lt, or } from "drizzle-orm";
import { PRODUCT_ID } from "../../contracts/orders/ids.ts";
import type { Product } from "../../contracts/shop/http-catalogue.ts";
import type { Orm } from "../client.ts";
import { timeCursors } from "../cursor.ts";
import { products } from "../schema.ts";
import { productOf } from "./product-row.ts";

const cursors = timeCursors("products", PRODUCT_ID);

/** All products, newest first. @throws StampedeError VALIDATION_FAILED for a foreign cursor */
export async function listProducts(
  orm: Orm,
  cursor: string | null,
  limit: number,
): Promise<{ items: readonly Product[]; nextCursor: string | null }> {
  let after: ReturnType<typeof or>;
  if (cursor !== null) {
    const [at, id] = cursors.decode(cursor);
    const time = new Date(at);
    after = or(lt(products.createdAt, time), and(eq(products.createdAt, time), lt(products.id, id)));
  }
  const rows = await orm
    .select()
    .from(products)
    .where(after)
    .orderBy(desc(products.createdAt), desc(products.id))
    .limit(limit + 1);
  const page = rows.slice(0, limit);
  const last = rows.length > limit ? page.at(-1) : undefined;
  return {
    items: page.map(productOf),
    nextCursor: last === undefined ? null : cursors.encode(last.createdAt.getTime(), last.id),
  };
}
