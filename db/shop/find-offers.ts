import type { ProductId } from "../../contracts/orders/ids.ts";
import type { Currency, Money } from "../../contracts/wire/money.ts";
import { textArray } from "../array-literal.ts";
import type { Executor } from "../client.ts";

/** What an order is priced by. No stock: whether there is enough is decided elsewhere, and never by a copy. */
export interface Offer {
  readonly productId: ProductId;
  readonly name: string;
  readonly price: Money;
  readonly currency: Currency;
  readonly flash: boolean;
}

/** Those of the products that exist. */
export async function findOffers(sql: Executor, ids: readonly ProductId[]): Promise<Offer[]> {
  const rows = await sql<(Omit<Offer, "price"> & { price: string })[]>`
    SELECT id AS "productId", name, price, currency, flash FROM products WHERE id = ANY (${textArray(ids)}::text[])`;
  return rows.map((row) => ({ ...row, price: Number(row.price) as Money }));
}
