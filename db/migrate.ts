import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readMigrationFiles } from "drizzle-orm/migrator";
import type postgres from "postgres";
import { openPostgres } from "./connect.ts";
import { retryLocks } from "./lock-retries.ts";
import { listPartitions, makeMonths, PARTITIONED_TABLES, type PartitionedTable } from "./partitions.ts";

const FOLDER = join(import.meta.dirname, "migrations");
// Any fixed number; it is only ours within this database.
const MIGRATION_LOCK = 5_784_301;
/** Longest wait of a migration for a lock: all later statements on the table queue behind the wait. */
const LOCK_MS = 3_000;
const TRIES = 40;

interface Migration {
  readonly tag: string;
  readonly statements: readonly string[];
  readonly hash: string;
  /** Milliseconds since 1970, from the journal; migrations are applied in this order. */
  readonly at: number;
}

interface IndexAhead {
  /** The number of the migration that needs it. */
  readonly before: string;
  /** Of a partitioned table: the name's end, behind each partition's name. */
  readonly name: string;
  /** Table and columns; of a partitioned table the columns. */
  readonly on: string;
  /** A partitioned table, of which no index can be built concurrently, but one of each partition. */
  readonly ofEachPartition?: PartitionedTable;
  readonly unique?: true;
}

const WITH_WORK = "status = 'INTENT' OR (status = 'CAPTURED' AND return_wanted) OR check_wanted";

/**
 * Indexes of tables that are written all the time. CREATE INDEX in a migration would stop every writer while it builds; these
 * are built before their migration, concurrently, and the migration finds them there.
 */
const INDEXES_AHEAD: readonly IndexAhead[] = [
  { before: "0017", name: "coupons_in_redis", on: "coupons (ends_at) WHERE left_redis_at IS NULL" },
  { before: "0017", name: "refused_requests_by_age", on: "refused_requests (refused_at)" },
  { before: "0017", name: "request_aliases_by_age", on: "request_aliases (created_at)" },
  { before: "0017", name: "operator_requests_by_age", on: "operator_requests (at)" },
  { before: "0017", name: "dead_letters_by_age", on: "dead_letters (updated_at)" },
  { before: "0017", name: "payments_with_token", on: "payments (created_at) WHERE token <> ''" },
  { before: "0017", name: "payments_with_work", on: `payments (next_attempt_at) WHERE ${WITH_WORK}` },
  { before: "0017", name: "order_sagas_by_age", on: "order_sagas (created_at)" },
  { before: "0023", name: "audit_log_before_key", on: "audit_log (id, at)", unique: true },
  { before: "0024", name: "events_before_key", on: "events (event_id, occurred_at)", unique: true },
  { before: "0024", name: "events_before_position", on: "events (position)" },
  { before: "0030", name: "point_ledger_grants", on: "point_ledger (actor, created_at) WHERE order_id IS NULL" },
  { before: "0033", name: "_actor_id_idx", on: "(actor, id)", ofEachPartition: "audit_log" },
  { before: "0033", name: "_request_id_idx", on: "(request_id)", ofEachPartition: "audit_log" },
];

/**
 * Brings the database to the newest schema, and makes the partitions of the months to come. A running stack goes on meanwhile:
 * each migration is a transaction, locks at most one table that others write, and is tried again if it does not get the
 * lock. Two calls at the same time do no harm: the second waits for the first (an advisory lock of the session) and finds
 * nothing to do.
 * @throws the driver's error; the migration that failed is rolled back, those before it stay, and the next call goes on there
 */
export async function migrate(url: string): Promise<void> {
  const client = openPostgres(url, {
    max: 1,
    connect_timeout: 10,
    onnotice: () => {},
    connection: { application_name: "stampede-migrate" },
  });
  try {
    await client`SELECT pg_advisory_lock(${MIGRATION_LOCK})`;
    const newest = await newestApplied(client);
    for (const migration of readMigrations().filter(({ at }) => newest === null || at > newest)) {
      // The tables of a new database are empty: its migrations build the indexes themselves.
      if (newest !== null) await buildIndexesAhead(client, migration);
      await retryLocks(TRIES, () => apply(client, migration));
    }
    for (const table of PARTITIONED_TABLES) await makeMonths(client, table);
  } finally {
    await client.end({ timeout: 5 });
  }
}

function readMigrations(): Migration[] {
  const journal: { entries: { tag: string }[] } = JSON.parse(
    readFileSync(join(FOLDER, "meta", "_journal.json"), "utf8"),
  );
  return readMigrationFiles({ migrationsFolder: FOLDER }).map(({ sql, hash, folderMillis }, place) => ({
    tag: journal.entries[place]!.tag,
    statements: sql,
    hash,
    at: folderMillis,
  }));
}

/** From the table in which Drizzle notes what it applied; null: a new database. */
async function newestApplied(client: postgres.Sql): Promise<number | null> {
  await client`CREATE SCHEMA IF NOT EXISTS drizzle`;
  await client`CREATE TABLE IF NOT EXISTS drizzle.__drizzle_migrations (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at bigint)`;
  const [row] = await client<{ newest: number | null }[]>`
    SELECT max(created_at)::float8 AS newest FROM drizzle.__drizzle_migrations`;
  return row?.newest ?? null;
}

async function apply(client: postgres.Sql, { statements, hash, at }: Migration): Promise<void> {
  await client.begin(async (tx) => {
    await tx.unsafe(`SET LOCAL lock_timeout = ${LOCK_MS}`);
    for (const statement of statements) await tx.unsafe(statement);
    await tx`INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES (${hash}, ${at})`;
  });
}

async function buildIndexesAhead(client: postgres.Sql, { tag }: Migration): Promise<void> {
  for (const ahead of INDEXES_AHEAD.filter(({ before }) => tag.startsWith(before))) {
    for (const index of await ofPartitions(client, ahead))
      await retryLocks(TRIES, () => buildConcurrently(client, index));
  }
}

async function ofPartitions(client: postgres.Sql, index: IndexAhead): Promise<readonly IndexAhead[]> {
  const { name, on, ofEachPartition } = index;
  if (ofEachPartition === undefined) return [index];
  const partitions = await listPartitions(client, ofEachPartition);
  return partitions.map((one) => ({ ...index, name: one.name + name, on: `${one.name} ${on}` }));
}

async function buildConcurrently(client: postgres.Sql, { name, on, unique }: IndexAhead): Promise<void> {
  const [found] = await client<{ isValid: boolean }[]>`
    SELECT indisvalid AS "isValid" FROM pg_index WHERE indexrelid = to_regclass(${name})`;
  if (found?.isValid === true) return;
  // A build that was interrupted leaves an index that no query uses.
  if (found) await client.unsafe(`DROP INDEX CONCURRENTLY ${name}`);
  await client.unsafe(`CREATE ${unique ? "UNIQUE " : ""}INDEX CONCURRENTLY ${name} ON ${on}`);
}
