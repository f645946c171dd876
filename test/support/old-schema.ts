import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { drizzle } from "drizzle-orm/postgres-js";
import { migrate } from "drizzle-orm/postgres-js/migrator";
import postgres from "postgres";

const MIGRATIONS = resolve(import.meta.dir, "../../db/migrations");
/** The last migration of the release before partitions. */
const LAST = "0011_saga_state_as_text";

/** Gives an empty database the schema of the release before partitions. */
export async function applyOldSchema(url: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "stampede-migrations-"));
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    cpSync(MIGRATIONS, folder, { recursive: true });
    const journal = join(folder, "meta", "_journal.json");
    const { entries, ...rest } = JSON.parse(readFileSync(journal, "utf8"));
    const kept = entries.filter(({ tag }: { tag: string }) => tag <= LAST);
    writeFileSync(journal, JSON.stringify({ ...rest, entries: kept }));
    await migrate(drizzle(sql), { migrationsFolder: folder });
  } finally {
    await sql.end();
    rmSync(folder, { recursive: true, force: true });
  }
}
