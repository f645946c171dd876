import { getTableColumns, getTableName } from "drizzle-orm";
import type { PgTable } from "drizzle-orm/pg-core";
import type postgres from "postgres";
import { openPostgres } from "./connect.ts";
import * as schema from "./schema.ts";

/** An identifier that the driver puts into a statement as it stands, without a parameter. */
type Name = postgres.Helper<string, []>;
type Names<Table extends PgTable> = { readonly [Column in keyof Table["_"]["columns"]]: Name } & {
  /** The table's own name. */
  readonly table: Name;
};

/** Makes identifiers, which only a client of the driver can; it never connects. */
const driver = openPostgres("postgres://names.invalid", { max: 1 });
/** A piece of a statement's text. */
const raw = (text: string): Name => Object.assign(driver("raw"), { value: text });

/** Of our names, the one that PostgreSQL reserves. All others stand in statements as they are read in `pg_stat_activity`. */
const RESERVED = "offset";
const plain = (name: string): string => (name === RESERVED ? `"${name}"` : name);

/**
 * A table's name and its columns' names for statements in SQL. They come from the schema, so a statement that names a column which
 * was renamed or removed fails the type check. Made once: each name costs a statement about 50 ns (docs/decisions).
 */
function names<Table extends PgTable>(table: Table): Names<Table> {
  const columns = Object.entries(getTableColumns(table)).map(([key, { name }]) => [key, raw(plain(name))]);
  return { ...Object.fromEntries(columns), table: raw(getTableName(table) as string) };
}

/**
 * Columns as a row has them in the code: `order_id AS "orderId", …`, for SELECT and RETURNING. One name for the driver, however
 * many columns. `alias`: the table's in the statement.
 */
export function columnsOf<Table extends PgTable>(
  table: Table,
  keys: readonly (keyof Table["_"]["columns"] & string)[],
  alias?: string,
): Name {
  const columns = getTableColumns(table);
  const from = alias === undefined ? "" : `${alias}.`;
  const one = (key: string) => {
    const name = plain(columns[key]!.name);
    return `${from}${name}${name === key ? "" : ` AS "${key}"`}`;
  };
  return raw(keys.map(one).join(", "));
}

/** A row by the names of its columns, as the driver's helper for INSERT wants it. A member without a column fails the type check. */
export function columnNamesOf<Table extends PgTable, Row extends { readonly [Key in keyof Row]: unknown }>(
  table: Table,
  row: Row & { readonly [Key in Exclude<keyof Row, keyof Table["_"]["columns"]>]: never },
): Record<string, Row[keyof Row]> {
  const columns = getTableColumns(table);
  return Object.fromEntries(Object.entries(row).map(([key, value]) => [columns[key]!.name, value as Row[keyof Row]]));
}

export const SALE = names(schema.coupons);
export const CLAIM = names(schema.userCoupons);
export const DEFERRED = names(schema.deferredClaims);
export const ALIAS = names(schema.requestAliases);
export const REVOCATION = names(schema.revocations);
export const REFUSAL = names(schema.refusedRequests);
export const LETTER = names(schema.deadLetters);
export const AUDIT = names(schema.auditLog);
export const SETTING = names(schema.settings);
export const CART = names(schema.carts);
export const CART_LINE = names(schema.cartItems);
export const PRODUCT = names(schema.products);
export const MOVEMENT = names(schema.stockMovements);
export const RESERVATION = names(schema.stockReservations);
export const SOLD = names(schema.productSales);
export const OPERATOR_REQUEST = names(schema.operatorRequests);
export const ORDER = names(schema.orders);
export const LINE = names(schema.orderItems);
export const PAYMENT = names(schema.payments);
export const SHIPMENT = names(schema.shipments);
export const BLOCK = names(schema.blocks);
export const BALANCE = names(schema.pointBalances);
export const POINTS = names(schema.pointLedger);
export const SAGA = names(schema.orderSagas);
export const OUTCOME = names(schema.stepOutcomes);
export const PARKED = names(schema.delayedCommands);
