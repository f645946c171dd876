import type { Database } from "./client.ts";
import { sqlState } from "./errors.ts";
import { TransactionPooling } from "./pooling.ts";

/**
 * Why a database that answers does not let us in, as a sentence for an operator; null: it is away, or busy, or the error is
 * about something else. No retry helps against these.
 */
export function refusalOf(error: unknown): string | null {
  if (error instanceof TransactionPooling) return error.message;
  if (!(error instanceof Error)) return null;
  const state = sqlState(error);
  if (state?.startsWith("28")) return `PostgreSQL does not let the user of DATABASE_URL in: ${error.message}`;
  if (state === "3D000") return `the database of DATABASE_URL does not exist: ${error.message}`;
  if (state === "08P01" && /start-?up parameter/.test(error.message)) {
    return `the connection pooler at DATABASE_URL refuses a setting: ${error.message}`;
  }
  return null;
}

const START_MS = 2_000;

/**
 * For a process that starts: a database that pools transactions would break promises one by one, so the process ends with a
 * sentence. One that is away, or refuses the user, is waited for: readiness tells.
 * @throws TransactionPooling
 */
export async function requireOwnSessions(database: Pick<Database, "ping">): Promise<void> {
  await database.ping(START_MS).catch((error: unknown) => {
    if (error instanceof TransactionPooling) throw error;
  });
}
