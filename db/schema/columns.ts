import { type SQL, sql } from "drizzle-orm";
import { type AnyPgColumn, bigint, customType, timestamp } from "drizzle-orm/pg-core";

/**
 * Ids compare byte by byte. The database's own collation may be a language's (the official container image makes it
 * en_US), where every index comparison would go through strcoll for an order that no id needs.
 */
export const id = customType<{ data: string }>({ dataType: () => 'text COLLATE "C"' });

/** Milliseconds, as JavaScript has them: a time read and written back is the same time. */
export const time = (name: string) => timestamp(name, { withTimezone: true, precision: 3, mode: "date" });

/** Minor units of the row's currency, or points. Never more than JavaScript's safe integers: contracts/wire/money.ts. */
export const amount = (name: string) => bigint(name, { mode: "number" });

/** A generated key, for tables whose rows have no id that clients see. */
export const serial = () => bigint("id", { mode: "number" }).primaryKey().generatedByDefaultAsIdentity();

/** The text of a CHECK that a column holds one of the names of a union. */
export const oneOf = (column: AnyPgColumn, names: readonly string[]): SQL =>
  sql`${column} IN (${sql.raw(names.map((name) => `'${name}'`).join(", "))})`;
