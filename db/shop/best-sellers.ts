import type { ProductId } from "../../contracts/orders/ids.ts";
import type { Executor } from "../client.ts";

export interface BestSeller {
  readonly productId: ProductId;
  /** Pieces. */
  readonly sold: number;
}

/**
 * What sold best from `since` until today, most first; of equals the greater id first, as a reversed sorted set has them.
 * @param since a day, UTC, `2027-01-31`; null: ever
 */
export async function bestSellers(sql: Executor, since: string | null, limit: number): Promise<BestSeller[]> {
  const rows = await sql<{ productId: ProductId; sold: string }[]>`
    SELECT product_id AS "productId", sum(quantity) AS sold FROM product_sales
    WHERE ${since}::date IS NULL OR day >= ${since}::date
    GROUP BY product_id
    ORDER BY sum(quantity) DESC, product_id DESC
    LIMIT ${limit}`;
  return rows.map(({ productId, sold }) => ({ productId, sold: Number(sold) }));
}
