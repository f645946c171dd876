import { join } from "node:path";
import { drizzle } from "drizzle-orm/postgres-js";
import { migrate as applyPending } from "drizzle-orm/postgres-js/migrator";
import { openPostgres } from "./connect.ts";

// Any fixed number; it is only ours within this database.
const MIGRATION_LOCK = 5_784_301;

/**
 * Brings the database to the newest schema. Two at once do no harm: the second waits for the first (advisory lock of
 * the session, gone with it) and finds nothing to do.
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
    await applyPending(drizzle(client), { migrationsFolder: join(import.meta.dirname, "migrations") });
  } finally {
    await client.end({ timeout: 5 });
  }
}
