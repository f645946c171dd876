import { join } from "node:path";
import { drizzle } from "drizzle-orm/postgres-js";
import { migrate as applyPending } from "drizzle-orm/postgres-js/migrator";
import type postgres from "postgres";
import { openPostgres } from "./connect.ts";
import { sqlState } from "./errors.ts";
import { makeMonths, PARTITIONED_TABLES } from "./partitions.ts";

// Any fixed number; it is only ours within this database.
const MIGRATION_LOCK = 5_784_301;
/** So long a migration waits for a table, with everybody who comes after it; then it lets them pass and tries again. */
const LOCK_MS = 3_000;
const TRIES = 20;
const LOCK_NOT_AVAILABLE = "55P03";

/**
 * Indexes of tables that are written all the time. A migration would hold every writer up while it builds one; these are
 * built before it, concurrently, and the migration finds them there. Only where the table exists: a new database gets all.
 */
const INDEXES_AHEAD: readonly { readonly name: string; readonly table: string; readonly on: string }[] = [
  { name: "refused_requests_by_age", table: "refused_requests", on: "(refused_at)" },
  { name: "request_aliases_by_age", table: "request_aliases", on: "(created_at)" },
  { name: "operator_requests_by_age", table: "operator_requests", on: "(at)" },
  { name: "payments_with_token", table: "payments", on: "(created_at) WHERE token <> ''" },
  { name: "order_sagas_by_age", table: "order_sagas", on: "(created_at)" },
];

/**
 * Brings the database to the newest schema, and makes the partitions of the months to come. Two at once do no harm: the
 * second waits for the first (advisory lock of the session, gone with it) and finds nothing to do.
 * @throws the driver's error; a migration that fails is rolled back as a whole
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
    await buildIndexesAhead(client);
    await client.unsafe(`SET lock_timeout = ${LOCK_MS}`);
    await patiently(() => applyPending(drizzle(client), { migrationsFolder: join(import.meta.dirname, "migrations") }));
    for (const table of PARTITIONED_TABLES) await makeMonths(client, table);
  } finally {
    await client.end({ timeout: 5 });
  }
}

async function buildIndexesAhead(client: postgres.Sql): Promise<void> {
  for (const { name, table, on } of INDEXES_AHEAD) {
    const [found] = await client<{ table: string | null; isValid: boolean | null }[]>`
      SELECT to_regclass(${table})::text AS table,
             (SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(${name})) AS "isValid"`;
    if (found?.table == null || found.isValid === true) continue;
    // An interrupted build leaves an index that nobody uses.
    if (found.isValid === false) await client.unsafe(`DROP INDEX CONCURRENTLY ${name}`);
    await client.unsafe(`CREATE INDEX CONCURRENTLY ${name} ON ${table} ${on}`);
  }
}

async function patiently(work: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (sqlState(error) !== LOCK_NOT_AVAILABLE || attempt === TRIES) throw error;
    }
  }
}
