import type postgres from "postgres";
import { retryLocks } from "./lock-retries.ts";

/** Tables of which only whole months go, with the column that says which month a row belongs to. */
export const PARTITIONED = { audit_log: "at", events: "occurred_at" } as const;
export type PartitionedTable = keyof typeof PARTITIONED;
export const PARTITIONED_TABLES = Object.keys(PARTITIONED) as PartitionedTable[];

export interface Partition {
  readonly name: string;
  /** Milliseconds since 1970; null: from the beginning, or the default partition. */
  readonly from: number | null;
  /** Exclusive; null: of the default partition. */
  readonly to: number | null;
  /** As the planner sees it; null: it has not looked yet. */
  readonly rows: number | null;
  readonly bytes: number;
}

/** Months that exist beyond the running one. */
const AHEAD = 2;
/** Longest wait for a lock on a whole table: all later statements on the table queue behind the wait. */
const LOCK_MS = 2_000;
const TRIES = 10;

/** The first moment of the month that is `months` after the one of `at`, UTC. */
export function monthStart(at: Date, months: number): Date {
  return new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + months, 1));
}

/** The partitions of a table, the oldest first and the default one last. */
export async function listPartitions(sql: postgres.Sql, table: PartitionedTable): Promise<Partition[]> {
  const found = await sql<{ name: string; bound: string; rows: number | null; bytes: number }[]>`
    SELECT c.relname AS name, pg_get_expr(c.relpartbound, c.oid) AS bound, nullif(c.reltuples, -1)::float8 AS rows,
           pg_total_relation_size(c.oid)::float8 AS bytes
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = ${table}::regclass`;
  const time = (bound: string, word: "FROM" | "TO") => {
    const text = new RegExp(`${word} \\('([^']+)'\\)`).exec(bound)?.[1];
    return text === undefined ? null : Date.parse(text.replace(/([+-]\d\d)$/, "$1:00").replace(" ", "T"));
  };
  return found
    .map(({ bound, ...one }) => ({ ...one, from: time(bound, "FROM"), to: time(bound, "TO") }))
    .sort((a, b) => (a.to ?? Number.POSITIVE_INFINITY) - (b.to ?? Number.POSITIVE_INFINITY));
}

/** Whether this connection's role may add partitions: the owner may, and who was given the function that does it. */
export async function mayPartition(sql: postgres.Sql): Promise<boolean> {
  const [row] = await sql<{ may: boolean }[]>`
    SELECT has_function_privilege('make_month_partition(text, timestamptz)', 'EXECUTE') AS may`;
  return row?.may === true;
}

/** Months of this table, from the running one on, that have no partition yet. */
export async function missingMonths(
  sql: postgres.Sql,
  table: PartitionedTable,
  now: Date = new Date(),
): Promise<Date[]> {
  const partitions = await listPartitions(sql, table);
  const months = Array.from({ length: AHEAD + 1 }, (_, ahead) => monthStart(now, ahead));
  return months.filter((month) => {
    const at = month.getTime();
    return !partitions.some(({ from, to }) => to !== null && (from ?? Number.NEGATIVE_INFINITY) <= at && at < to);
  });
}

/**
 * Makes the partitions of this month and the next two. Each is built beside the table and attached, which stops no insert;
 * rows of that month that had to go to the default partition move there first.
 * @returns the names of those that were made
 */
export async function makeMonths(sql: postgres.Sql, table: PartitionedTable, now?: Date): Promise<string[]> {
  const made: string[] = [];
  for (const month of await missingMonths(sql, table, now)) {
    // The function belongs to the tables' owner (db/migrations/0031_make_month_partition.sql).
    await patiently(sql, async (tx) => {
      const [row] = await tx<{ name: string }[]>`
        SELECT make_month_partition(${table}, ${month.toISOString()}::text::timestamptz) AS name`;
      made.push(row!.name);
    });
  }
  return made;
}

/** Partitions that end before the month which lies `keepMonths` before the running one; 0 keeps all. */
export async function expiredPartitions(
  sql: postgres.Sql,
  table: PartitionedTable,
  keepMonths: number,
  now: Date = new Date(),
): Promise<Partition[]> {
  if (keepMonths === 0) return [];
  const before = monthStart(now, -keepMonths).getTime();
  return (await listPartitions(sql, table)).filter(({ to }) => to !== null && to <= before);
}

/** Drops a whole partition. It takes the table for a moment, and waits its turn in short tries. */
export async function dropPartition(sql: postgres.Sql, name: string): Promise<void> {
  await patiently(sql, (tx) => tx`DROP TABLE ${tx(name)}`);
}

/** A transaction that waits for a lock for two seconds at most, and is then tried again. */
async function patiently(sql: postgres.Sql, work: (tx: postgres.TransactionSql) => Promise<unknown>): Promise<void> {
  await retryLocks(TRIES, () =>
    sql.begin(async (tx) => {
      await tx.unsafe(`SET LOCAL lock_timeout = ${LOCK_MS}`);
      await work(tx);
    }),
  );
}
