import type { ProductId } from "../../contracts/orders/ids.ts";
import type { CreateProduct, Product } from "../../contracts/shop/http-catalogue.ts";
import type { Money } from "../../contracts/wire/money.ts";
import type { Executor } from "../client.ts";
import { insertAudit } from "../settings/insert-audit.ts";

/** A new product and its audit line; a trigger adds its first stock movement. Call it in a transaction (once.ts). */
export async function createProduct(
  tx: Executor,
  id: ProductId,
  { name, stock, price, currency, flash }: CreateProduct,
  actor: string,
): Promise<Product> {
  const [row] = await tx<{ currency: Product["currency"]; flash: boolean; created_at: Date }[]>`
    INSERT INTO products (id, name, stock, price, currency, flash)
    VALUES (${id}, ${name}, ${stock}, ${price}, ${currency ?? "EUR"}, ${flash ?? false})
    RETURNING currency, flash, created_at`;
  const product = {
    id,
    productId: id,
    name,
    stock,
    price: price as Money,
    currency: row!.currency,
    flash: row!.flash,
    createdAt: row!.created_at.toISOString(),
  };
  await insertAudit(tx, { actor, action: "product.created", target: id, detail: product });
  return product;
}
