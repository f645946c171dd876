import { and, desc, eq, lt, or } from "drizzle-orm";
import { PRODUCT_ID, type ProductId } from "../../contracts/orders/ids.ts";
import { type CreateProduct, type EditProduct, MAX_STOCK, type Product } from "../../contracts/shop/http-catalogue.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { Currency, Money } from "../../contracts/wire/money.ts";
import { intArray, textArray } from "../array-literal.ts";
import type { Executor, Orm, Sql } from "../client.ts";
import { timeCursors } from "../cursor.ts";
import { columnsOf, MOVEMENT, PRODUCT } from "../names.ts";
import { products } from "../schema.ts";
import { insertAudit } from "../settings/audit.ts";

/** What is shown of a product. */
export type ProductRow = Omit<typeof products.$inferSelect, "reserved" | "updatedAt">;

/** A row as clients see it. */
export function productOf(row: ProductRow): Product {
  const { id, name, stock, price, currency, flash, listed, createdAt } = row;
  return {
    id,
    productId: id,
    name,
    stock,
    price,
    currency,
    flash,
    listed,
    createdAt: createdAt.toISOString(),
  } as Product;
}

/** A row of the driver, which gives a bigint as text. */
type ProductTexts = Omit<ProductRow, "price"> & { price: string };
const SHOWN = columnsOf(products, ["id", "name", "stock", "price", "currency", "flash", "listed", "createdAt"]);
const shown = (row: ProductTexts): Product => productOf({ ...row, price: Number(row.price) });

/** null: no such product. A prepared statement: when a sale begins, many clients read at once. */
export async function findProduct(sql: Executor, id: string): Promise<Product | null> {
  const [row] = await sql<ProductTexts[]>`SELECT ${SHOWN} FROM ${PRODUCT.table} WHERE ${PRODUCT.id} = ${id}`;
  return row === undefined ? null : shown(row);
}

/** What an order is priced by. No stock: whether there is enough is decided elsewhere, and never by a copy. */
export interface Offer {
  readonly productId: ProductId;
  readonly name: string;
  readonly price: Money;
  readonly currency: Currency;
  readonly flash: boolean;
  /** One that is not listed can be ordered, and is in no public list. */
  readonly listed: boolean;
}

/** Those of the products that exist. */
export async function findOffers(sql: Executor, ids: readonly ProductId[]): Promise<Offer[]> {
  const rows = await sql<(Omit<Offer, "price"> & { price: string })[]>`
    SELECT ${PRODUCT.id} AS "productId", ${PRODUCT.name}, ${PRODUCT.price}, ${PRODUCT.currency}, ${PRODUCT.flash},
      ${PRODUCT.listed} FROM ${PRODUCT.table} WHERE ${PRODUCT.id} = ANY (${textArray(ids)}::text[])`;
  return rows.map((row) => ({ ...row, price: Number(row.price) as Money }));
}

const cursors = timeCursors("products", PRODUCT_ID);

/** The products, newest first: all, or those that are listed. @throws StampedeError VALIDATION_FAILED for a foreign cursor */
export async function listProducts(
  orm: Orm,
  cursor: string | null,
  limit: number,
  listedOnly = false,
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
    .where(and(after, listedOnly ? products.listed : undefined))
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
  { name, stock, price, currency, flash, listed }: CreateProduct,
  actor: string,
): Promise<Product> {
  const [row] = await tx<ProductTexts[]>`
    INSERT INTO ${PRODUCT.table} (${PRODUCT.id}, ${PRODUCT.name}, ${PRODUCT.stock}, ${PRODUCT.price}, ${PRODUCT.currency},
      ${PRODUCT.flash}, ${PRODUCT.listed})
    VALUES (${id}, ${name}, ${stock}, ${price}, ${currency ?? "EUR"}, ${flash ?? false}, ${listed ?? true})
    RETURNING ${SHOWN}`;
  const product = shown(row!);
  await insertAudit(tx, { actor, action: "product.created", target: id, detail: product });
  return product;
}

/**
 * Changes a product, together with the audit line, which has each changed member before and after. A placed order keeps its
 * prices: they stand in the order. Of two edits of one member the later one holds.
 * @throws StampedeError PRODUCT_NOT_FOUND
 */
export function editProduct(sql: Sql, id: ProductId, edit: EditProduct, actor: string): Promise<Product> {
  return sql.begin((tx) => editLocked(tx, id, edit, actor)) as Promise<Product>;
}

async function editLocked(tx: Executor, id: ProductId, edit: EditProduct, actor: string): Promise<Product> {
  const [row] = await tx<ProductTexts[]>`
    SELECT ${SHOWN} FROM ${PRODUCT.table} WHERE ${PRODUCT.id} = ${id} FOR NO KEY UPDATE`;
  if (row === undefined) throw new StampedeError("PRODUCT_NOT_FOUND");
  const before = shown(row);
  const after: Product = { ...before, ...edit };
  const changed = (["name", "price", "listed"] as const).filter((name) => after[name] !== before[name]);
  if (changed.length === 0) return before;
  await tx`
    UPDATE ${PRODUCT.table} SET ${PRODUCT.name} = ${after.name}, ${PRODUCT.price} = ${after.price},
      ${PRODUCT.listed} = ${after.listed}, ${PRODUCT.updatedAt} = now() WHERE ${PRODUCT.id} = ${id}`;
  const members = (product: Product) => Object.fromEntries(changed.map((name) => [name, product[name]]));
  const detail = { before: members(before), after: members(after) };
  await insertAudit(tx, { actor, action: "product.edited", target: id, detail });
  return after;
}

/**
 * More of a product, or less (a negative quantity): its stock, the movement that proves it, and the audit line. Call it in a
 * transaction (once.ts). What reservations took out counts against the limit, so that giving it back can never meet it. Only
 * what can still be sold goes away: pieces that orders hold or bought are not in `stock`.
 * @throws StampedeError VALIDATION_FAILED (0), PRODUCT_NOT_FOUND, AMOUNT_OUT_OF_RANGE, CONFLICT with the smallest possible quantity
 */
export async function restockProduct(tx: Executor, id: ProductId, quantity: number, actor: string): Promise<Product> {
  if (quantity === 0) throw new StampedeError("VALIDATION_FAILED", "quantity: must not be 0");
  const [row] = await tx<ProductTexts[]>`
    UPDATE ${PRODUCT.table} SET ${PRODUCT.stock} = ${PRODUCT.stock} + ${quantity}, ${PRODUCT.updatedAt} = now()
    WHERE ${PRODUCT.id} = ${id} AND ${PRODUCT.stock} + ${quantity} >= 0
      AND ${PRODUCT.stock}::bigint + ${PRODUCT.reserved} + ${quantity} <= ${MAX_STOCK}
    RETURNING ${SHOWN}`;
  if (row === undefined) throw await whyNotRestocked(tx, id, quantity);
  const kind = quantity < 0 ? "REDUCTION" : "RESTOCK";
  await tx`
    INSERT INTO ${MOVEMENT.table} (${MOVEMENT.productId}, ${MOVEMENT.kind}, ${MOVEMENT.quantity},
      ${MOVEMENT.actor}) VALUES (${id}, ${kind}, ${quantity}, ${actor})`;
  const action = quantity < 0 ? "product.reduced" : "product.restocked";
  const product = shown(row);
  const detail = { quantity, from: product.stock - quantity, to: product.stock };
  await insertAudit(tx, { actor, action, target: id, detail });
  return product;
}

async function whyNotRestocked(tx: Executor, id: ProductId, quantity: number): Promise<StampedeError> {
  const [known] = await tx<{ stock: number }[]>`
    SELECT ${PRODUCT.stock} FROM ${PRODUCT.table} WHERE ${PRODUCT.id} = ${id} FOR NO KEY UPDATE`;
  if (known === undefined) return new StampedeError("PRODUCT_NOT_FOUND");
  if (quantity > 0)
    return new StampedeError("AMOUNT_OUT_OF_RANGE", `at most ${MAX_STOCK} pieces of a product may ever come in`);
  const smallestQuantity = known.stock === 0 ? 0 : -known.stock;
  const detail = `${known.stock} pieces can still be sold; orders hold or bought the others`;
  return new StampedeError("CONFLICT", detail, { extra: { smallestQuantity } });
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
