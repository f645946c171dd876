import { getTableColumns, getTableName } from "drizzle-orm";
import type { PgTable } from "drizzle-orm/pg-core";
import { textArray } from "../array-literal.ts";
import type { Executor, Sql } from "../client.ts";
import { ORDER } from "../names.ts";

/** Rows that have been kept long enough. Each is a condition on one table `t`, written once for counting and for deleting. */
export interface ExpiredRows {
  readonly table: string;
  /** The column that its index on age begins with. */
  readonly age: string;
  /** The condition of that index, where it holds only some of the rows: the rule is about those alone. */
  readonly among?: (sql: Executor) => ReturnType<Executor>;
  /** The other conditions beside the age; `days` as configured. */
  readonly condition: (sql: Executor, days: number) => ReturnType<Executor>;
  /** What is done to them instead of deleting. */
  readonly change?: (sql: Executor) => ReturnType<Executor>;
  /** What changes in their orders in the same statement: `gone` holds the rows that were taken. */
  readonly also?: (sql: Executor) => ReturnType<Executor>;
  /** With `also`: other transactions lock the order before such a row (a payment), not after it (a saga). */
  readonly ordersFirst?: true;
}

/** A table, and the column of it that tells a row's age, by their names in PostgreSQL. */
export function rowsOf<Table extends PgTable>(
  table: Table,
  age: keyof Table["_"]["columns"] & string,
): Pick<ExpiredRows, "table" | "age"> {
  return { table: getTableName(table), age: getTableColumns(table)[age]!.name };
}

/** Whether a row has been kept long enough. */
const isExpired = (sql: Executor, { age, among, condition }: ExpiredRows, days: number) =>
  sql`t.${sql(age)} < now() - make_interval(days => ${days}) ${among ? sql`AND ${among(sql)}` : sql``} AND ${condition(sql, days)}`;

/** How many would go, up to `limit`: a dry run on a table that was never cleaned must not read it whole. */
export async function countExpired(sql: Executor, what: ExpiredRows, days: number, limit: number): Promise<number> {
  const [row] = await sql<{ rows: number }[]>`
    SELECT count(*)::integer AS rows FROM (
      SELECT FROM ${sql(what.table)} t WHERE ${isExpired(sql, what, days)}
      LIMIT ${limit}) found`;
  return row?.rows ?? 0;
}

type Aged = Pick<ExpiredRows, "table" | "age" | "among">;

/** One row: `oldest`. One step down the index on age. */
export const oldestQuery = (sql: Executor, { table, age, among }: Aged) => sql<{ oldest: Date | null }[]>`
  SELECT min(t.${sql(age)}) AS oldest FROM ${sql(table)} t ${among ? sql`WHERE ${among(sql)}` : sql``}`;

/** The age of the oldest row that the rule is about, whether or not it may go. */
export async function oldestOf(sql: Executor, what: Aged): Promise<Date | null> {
  const [row] = await oldestQuery(sql, what);
  return row?.oldest ?? null;
}

const STATEMENT_MS = 10_000;
const LOCK_MS = 1_000;

/**
 * Takes at most `limit` rows in one transaction. Rows that another transaction holds, and rows of orders that it holds, are
 * skipped, so no transaction waits for long.
 * @returns how many went
 */
export function takeExpired(sql: Sql, what: ExpiredRows, days: number, limit: number): Promise<number> {
  const { table, age, change, also } = what;
  return sql.begin(async (tx) => {
    await tx`SELECT set_config('statement_timeout', ${String(STATEMENT_MS)}, true), set_config('lock_timeout', ${String(LOCK_MS)}, true)`;
    const free = also ? await lockOrders(tx, what, days, limit) : null;
    if (free?.length === 0) return 0;
    // By place (ctid): the rows are locked by the statement that takes them, so none of them moves in between.
    const found = tx`
      SELECT t.ctid FROM ${tx(table)} t
      WHERE ${isExpired(tx, what, days)} ${free ? tx`AND t.order_id = ANY (${textArray(free)}::text[])` : tx``}
      ORDER BY t.${tx(age)} LIMIT ${limit} FOR UPDATE OF t SKIP LOCKED`;
    const places = tx`ctid = ANY (ARRAY(${found}))`;
    const taken = change
      ? tx`UPDATE ${tx(table)} SET ${change(tx)} WHERE ${places} RETURNING *`
      : tx`DELETE FROM ${tx(table)} WHERE ${places} RETURNING *`;
    const [row] = await tx<{ rows: number }[]>`
      WITH gone AS (${taken}) ${also ? tx`, with_them AS (${also(tx)})` : tx``}
      SELECT count(*)::integer AS rows FROM gone`;
    return row?.rows ?? 0;
  });
}

/** Locks orders and rows in the order in which other transactions do. @returns the orders whose rows may be taken */
async function lockOrders(tx: Executor, what: ExpiredRows, days: number, limit: number): Promise<string[]> {
  const rows = await tx<{ id: string }[]>`
    SELECT t.order_id AS id FROM ${tx(what.table)} t WHERE ${isExpired(tx, what, days)}
    ORDER BY t.${tx(what.age)} LIMIT ${limit} ${what.ordersFirst ? tx`` : tx`FOR UPDATE OF t SKIP LOCKED`}`;
  const free = await tx<{ id: string }[]>`
    WITH locked AS (SELECT ${ORDER.id} FROM ${ORDER.table} WHERE ${ORDER.id} = ANY (${textArray(rows.map(({ id }) => id))}::text[])
                    ORDER BY ${ORDER.id} FOR NO KEY UPDATE SKIP LOCKED)
    SELECT asked.id FROM unnest(${textArray(rows.map(({ id }) => id))}::text[]) AS asked (id)
    WHERE asked.id IN (SELECT ${ORDER.id} FROM locked) OR NOT EXISTS (SELECT FROM ${ORDER.table} o WHERE o.${ORDER.id} = asked.id)`;
  return free.map(({ id }) => id);
}
