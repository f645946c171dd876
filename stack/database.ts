import { openPostgres } from "../db/connect.ts";

const DUPLICATE_DATABASE = "42P04";

/** The same server's maintenance database, which always exists. */
export function maintenanceUrl(url: string): string {
  const other = new URL(url);
  other.pathname = "/postgres";
  return other.href;
}

/** The same server, another database. */
export function siblingUrl(url: string, database: string): string {
  const other = new URL(url);
  other.pathname = `/${database}`;
  return other.href;
}

/** The same database, another login. */
export function loginUrl(url: string, user: string, password: string): string {
  const other = new URL(url);
  other.username = user;
  other.password = password;
  return other.href;
}

/** Creates the database that `url` names, unless it exists; optionally as a copy of `template` (which must have no connections). */
export async function ensureDatabase(url: string, template?: string): Promise<void> {
  const name = decodeURIComponent(new URL(url).pathname.slice(1));
  const sql = openPostgres(maintenanceUrl(url), { max: 1, connect_timeout: 10, onnotice: () => {} });
  try {
    const found = await sql`select 1 from pg_database where datname = ${name}`;
    if (found.length > 0) return;
    await sql`create database ${sql(name)} ${template ? sql`template ${sql(template)}` : sql``}`;
  } catch (error) {
    if ((error as { code?: string }).code !== DUPLICATE_DATABASE) throw error;
  } finally {
    await sql.end({ timeout: 1 });
  }
}
