import type { ProductId } from "../../contracts/orders/ids.ts";
import type { ProductQuantity } from "../../contracts/orders/parts.ts";
import { intArray, textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";
import { SOLD } from "../names.ts";

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
    SELECT ${SOLD.productId} AS "productId", sum(${SOLD.quantity}) AS sold FROM ${SOLD.table}
    WHERE ${since}::date IS NULL OR ${SOLD.day} >= ${since}::date
    GROUP BY ${SOLD.productId}
    ORDER BY sum(${SOLD.quantity}) DESC, ${SOLD.productId} DESC
    LIMIT ${limit}`;
  return rows.map(({ productId, sold }) => ({ productId, sold: Number(sold) }));
}

/**
 * Counts what a batch of completed orders sold, a row per product and day. Call it in the transaction that completes them:
 * a repeated event completes nothing and so counts nothing. Rows in the order of their products, each once: two batches
 * wait for each other instead of deadlocking.
 * @param day of the completion, UTC, `2027-01-31`
 */
export async function countSales(tx: Executor, day: string, sold: readonly ProductQuantity[]): Promise<void> {
  if (sold.length === 0) return;
  await tx`
    INSERT INTO ${SOLD.table} AS s (${SOLD.day}, ${SOLD.productId}, ${SOLD.quantity})
    SELECT ${day}::date, product_id, sum(quantity)
    FROM unnest(${textArray(sold.map(({ productId }) => productId))}::text[],
                ${intArray(sold.map(({ quantity }) => quantity))}::int[]) AS sold (product_id, quantity)
    GROUP BY product_id ORDER BY product_id COLLATE "C"
    ON CONFLICT (${SOLD.day}, ${SOLD.productId}) DO UPDATE SET ${SOLD.quantity} = s.${SOLD.quantity} + excluded.${SOLD.quantity}`;
}
