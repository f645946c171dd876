import type { ProductId } from "../../contracts/orders/ids.ts";
import { intArray, textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";

/** Takes pieces out of the stock of products (below 0: puts them back), one row version each, however many orders they serve. */
export async function moveStock(tx: Executor, taken: ReadonlyMap<ProductId, number>): Promise<void> {
  await tx`
    UPDATE products p SET stock = p.stock - t.pieces, reserved = p.reserved + t.pieces, updated_at = now()
    FROM unnest(${textArray([...taken.keys()])}::text[], ${intArray([...taken.values()])}::int[]) AS t (id, pieces)
    WHERE p.id = t.id`;
}
