import type { ProductId } from "../../contracts/orders/ids.ts";
import { MAX_STOCK, type Product } from "../../contracts/shop/http-catalogue.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { Executor } from "../client.ts";
import { insertAudit } from "../settings/insert-audit.ts";
import { type ProductRow, productOf } from "./product-row.ts";

/**
 * More of a product: its stock, the movement that proves it, and the audit line. Call it in a transaction (once.ts). What
 * reservations took out counts against the limit, so that giving it back can never meet it.
 * @throws StampedeError PRODUCT_NOT_FOUND, AMOUNT_OUT_OF_RANGE
 */
export async function restockProduct(tx: Executor, id: ProductId, quantity: number, actor: string): Promise<Product> {
  const [row] = await tx<(Omit<ProductRow, "price"> & { price: string })[]>`
    UPDATE products SET stock = stock + ${quantity}, updated_at = now()
    WHERE id = ${id} AND stock::bigint + reserved + ${quantity} <= ${MAX_STOCK}
    RETURNING id, name, stock, price, currency, flash, created_at AS "createdAt"`;
  if (row === undefined) {
    const [known] = await tx`SELECT 1 FROM products WHERE id = ${id}`;
    if (known === undefined) throw new StampedeError("PRODUCT_NOT_FOUND");
    throw new StampedeError("AMOUNT_OUT_OF_RANGE", `at most ${MAX_STOCK} pieces of a product may ever come in`);
  }
  await tx`
    INSERT INTO stock_movements (product_id, kind, quantity, actor) VALUES (${id}, 'RESTOCK', ${quantity}, ${actor})`;
  await insertAudit(tx, { actor, action: "product.restocked", target: id, detail: { quantity } });
  return productOf({ ...row, price: Number(row.price) });
}
