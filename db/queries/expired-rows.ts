import type { Executor, Sql } from "../client.ts";

/** Rows that have been kept long enough. Each is a condition on one table `t`, written once for counting and for deleting. */
export interface ExpiredRows {
  readonly table: string;
  /** The column that its index on age has. */
  readonly age: string;
  /** What else must be so beside the age; `days` as configured. */
  readonly condition: (sql: Executor, days: number) => ReturnType<Executor>;
  /** What is done to them instead of deleting. */
  readonly change?: (sql: Executor) => ReturnType<Executor>;
  /** What goes with each of them in the same statement: `gone` holds the rows that were taken. */
  readonly also?: (sql: Executor) => ReturnType<Executor>;
}

const olderThan = (sql: Executor, age: string, days: number) =>
  sql`t.${sql(age)} < now() - make_interval(days => ${days})`;

/** How many would go, up to `limit`: a dry run on a table that was never cleaned must not read it whole. */
export async function countExpired(sql: Executor, what: ExpiredRows, days: number, limit: number): Promise<number> {
  const [row] = await sql<{ rows: number }[]>`
    SELECT count(*)::integer AS rows FROM (
      SELECT FROM ${sql(what.table)} t WHERE ${olderThan(sql, what.age, days)} AND ${what.condition(sql, days)}
      LIMIT ${limit}) found`;
  return row?.rows ?? 0;
}

/** The age of the oldest row of all, whether or not it may go. One step down the index on age. */
export async function oldestOf(sql: Executor, what: Pick<ExpiredRows, "table" | "age">): Promise<Date | null> {
  const [row] = await sql<{ oldest: Date | null }[]>`SELECT min(${sql(what.age)}) AS oldest FROM ${sql(what.table)}`;
  return row?.oldest ?? null;
}

/** One statement may take so long; a table that it finds busy is met again by the next round. */
const STATEMENT_MS = 10_000;
const LOCK_MS = 1_000;

/**
 * Takes at most `limit` rows in a transaction of their own: whatever somebody holds is passed by, and nobody waits for long.
 * @returns how many went
 */
export function takeExpired(sql: Sql, what: ExpiredRows, days: number, limit: number): Promise<number> {
  const { table, age, condition, change, also } = what;
  return sql.begin(async (tx) => {
    await tx`SELECT set_config('statement_timeout', ${String(STATEMENT_MS)}, true), set_config('lock_timeout', ${String(LOCK_MS)}, true)`;
    // By place (ctid): the rows are locked by the statement that takes them, so none of them moves in between.
    const found = tx`
      SELECT t.ctid FROM ${tx(table)} t WHERE ${olderThan(tx, age, days)} AND ${condition(tx, days)}
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
