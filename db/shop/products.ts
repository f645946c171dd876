import { and, desc, eq, lt, or } from "drizzle-orm";
import { PRODUCT_ID, type ProductId } from "../../contracts/orders/ids.ts";
import { type CreateProduct, MAX_STOCK, type Product } from "../../contracts/shop/http-catalogue.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { Currency, Money } from "../../contracts/wire/money.ts";
import { intArray, textArray } from "../array-literal.ts";
import type { Executor, Orm } from "../client.ts";
import { timeCursors } from "../cursor.ts";
import { MOVEMENT, PRODUCT } from "../names.ts";
import { products } from "../schema.ts";
import { insertAudit } from "../settings/audit.ts";

/** What is shown of a product. */
export type ProductRow = Omit<typeof products.$inferSelect, "reserved" | "updatedAt">;

/** A row as clients see it. */
export function productOf(row: ProductRow): Product {
  const { id, name, stock, price, currency, flash, createdAt } = row;
  return { id, productId: id, name, stock, price, currency, flash, createdAt: createdAt.toISOString() } as Product;
}

/** null: no such product. A prepared statement: when a sale begins, many clients read at once. */
export async function findProduct(sql: Executor, id: string): Promise<Product | null> {
  const [row] = await sql<(Omit<ProductRow, "price"> & { price: string })[]>`
    SELECT ${PRODUCT.id}, ${PRODUCT.name}, ${PRODUCT.stock}, ${PRODUCT.price}, ${PRODUCT.currency}, ${PRODUCT.flash},
      ${PRODUCT.createdAt} AS "createdAt" FROM ${PRODUCT.table} WHERE ${PRODUCT.id} = ${id}`;
  return row === undefined ? null : productOf({ ...row, price: Number(row.price) });
}

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
    SELECT ${PRODUCT.id} AS "productId", ${PRODUCT.name}, ${PRODUCT.price}, ${PRODUCT.currency}, ${PRODUCT.flash}
      FROM ${PRODUCT.table} WHERE ${PRODUCT.id} = ANY (${textArray(ids)}::text[])`;
  return rows.map((row) => ({ ...row, price: Number(row.price) as Money }));
}

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

/** A new product and its audit line; a trigger adds its first stock movement. Call it in a transaction (once.ts). */
export async function createProduct(
  tx: Executor,
  id: ProductId,
  { name, stock, price, currency, flash }: CreateProduct,
  actor: string,
): Promise<Product> {
  const [row] = await tx<{ currency: Product["currency"]; flash: boolean; createdAt: Date }[]>`
    INSERT INTO ${PRODUCT.table} (${PRODUCT.id}, ${PRODUCT.name}, ${PRODUCT.stock}, ${PRODUCT.price}, ${PRODUCT.currency},
      ${PRODUCT.flash})
    VALUES (${id}, ${name}, ${stock}, ${price}, ${currency ?? "EUR"}, ${flash ?? false})
    RETURNING ${PRODUCT.currency}, ${PRODUCT.flash}, ${PRODUCT.createdAt} AS "createdAt"`;
  const product = {
    id,
    productId: id,
    name,
    stock,
    price: price as Money,
    currency: row!.currency,
    flash: row!.flash,
    createdAt: row!.createdAt.toISOString(),
  };
  await insertAudit(tx, { actor, action: "product.created", target: id, detail: product });
  return product;
}

/**
 * More of a product: its stock, the movement that proves it, and the audit line. Call it in a transaction (once.ts). What
 * reservations took out counts against the limit, so that giving it back can never meet it.
 * @throws StampedeError PRODUCT_NOT_FOUND, AMOUNT_OUT_OF_RANGE
 */
export async function restockProduct(tx: Executor, id: ProductId, quantity: number, actor: string): Promise<Product> {
  const [row] = await tx<(Omit<ProductRow, "price"> & { price: string })[]>`
    UPDATE ${PRODUCT.table} SET ${PRODUCT.stock} = ${PRODUCT.stock} + ${quantity}, ${PRODUCT.updatedAt} = now()
    WHERE ${PRODUCT.id} = ${id} AND ${PRODUCT.stock}::bigint + ${PRODUCT.reserved} + ${quantity} <= ${MAX_STOCK}
    RETURNING ${PRODUCT.id}, ${PRODUCT.name}, ${PRODUCT.stock}, ${PRODUCT.price}, ${PRODUCT.currency}, ${PRODUCT.flash},
      ${PRODUCT.createdAt} AS "createdAt"`;
  if (row === undefined) {
    const [known] = await tx`SELECT 1 FROM ${PRODUCT.table} WHERE ${PRODUCT.id} = ${id}`;
    if (known === undefined) throw new StampedeError("PRODUCT_NOT_FOUND");
    throw new StampedeError("AMOUNT_OUT_OF_RANGE", `at most ${MAX_STOCK} pieces of a product may ever come in`);
  }
  await tx`
    INSERT INTO ${MOVEMENT.table} (${MOVEMENT.productId}, ${MOVEMENT.kind}, ${MOVEMENT.quantity},
      ${MOVEMENT.actor}) VALUES (${id}, 'RESTOCK', ${quantity}, ${actor})`;
  await insertAudit(tx, { actor, action: "product.restocked", target: id, detail: { quantity } });
  return productOf({ ...row, price: Number(row.price) });
}

export interface SeedProduct {
  readonly id: string;
  readonly name: string;
  readonly stock: number;
  readonly price: number;
  readonly flash: boolean;
}

/** Adds those products that are not there; what is there stays as it is. @returns how many were added */
export async function seedProducts(sql: Executor, products: readonly SeedProduct[]): Promise<number> {
  const { count } = await sql`
    INSERT INTO ${PRODUCT.table} (${PRODUCT.id}, ${PRODUCT.name}, ${PRODUCT.stock}, ${PRODUCT.price}, ${PRODUCT.flash})
    SELECT * FROM unnest(${textArray(products.map(({ id }) => id))}::text[],
                         ${textArray(products.map(({ name }) => name))}::text[],
                         ${intArray(products.map(({ stock }) => stock))}::int[],
                         ${intArray(products.map(({ price }) => price))}::bigint[],
                         ${intArray(products.map(({ flash }) => Number(flash)))}::int[]::bool[])
    ON CONFLICT (${PRODUCT.id}) DO NOTHING`;
  return count;
}
