import type { ProductId } from "../../contracts/orders/ids.ts";
import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";

/**
 * What can still be sold of each of the products, held until the transaction ends. Rows are locked by id, so batches that
 * share products wait for each other and never deadlock. Rejected: SKIP LOCKED, which refuses orders that would have
 * fitted, and no lock with `stock >= quantity` in the UPDATE, which can't take all lines of an order or none.
 */
export async function lockProducts(tx: Executor, ids: readonly ProductId[]): Promise<Map<ProductId, number>> {
  const rows = await tx<{ id: ProductId; stock: number }[]>`
    SELECT id, stock FROM products WHERE id = ANY (${textArray(ids)}::text[]) ORDER BY id FOR NO KEY UPDATE`;
  return new Map(rows.map(({ id, stock }) => [id, stock]));
}
