import type postgres from "postgres";
import { openPostgres } from "./connect.ts";
import { sqlState } from "./errors.ts";

/** A connection pooler gives each transaction another session. What is set up for a session does not last there. */
export class TransactionPooling extends Error {
  readonly code = "TRANSACTION_POOLING";
  constructor() {
    super(
      "DATABASE_URL leads through a connection pooler in transaction mode, which loses prepared statements and time-outs " +
        "between transactions: set pool_mode=session for this database, or name PostgreSQL itself",
    );
    this.name = "TransactionPooling";
  }
}

/** A pooler that gives out its connections in turns is detected by the second or third check. */
const LOOKS = 3;

const backendOf = async (sql: postgres.Sql | postgres.TransactionSql): Promise<number> =>
  (await sql<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`)[0]!.pid;

/**
 * Checks that each client keeps one server process. It uses two clients: one idle between two statements, one in a transaction.
 * A pooler in transaction mode gives the second the server process that the first has just released.
 * @throws TransactionPooling; or the driver's error, when no server answers
 */
export async function requireSessions(url: string): Promise<void> {
  const open = () => {
    const connection = { application_name: "stampede-pooling" };
    return openPostgres(url, {
      max: 1,
      connect_timeout: 5,
      prepare: false,
      fetch_types: false,
      onnotice() {},
      connection,
    });
  };
  const [resting, busy] = [open(), open()];
  try {
    for (let look = 0; look < LOOKS; look++) {
      const own = await backendOf(resting);
      const shared = await busy.begin(
        async (tx) => (await backendOf(tx)) === own || (await backendOf(resting)) !== own,
      );
      if (shared) throw new TransactionPooling();
    }
  } finally {
    await Promise.all([resting, busy].map((client) => client.end({ timeout: 1 })));
  }
}

/**
 * Why a database that answers refuses the connection, as a sentence for an operator; null: it does not answer, is busy, or the
 * error has another cause. Retries do not help against these.
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
 * For a process that starts: behind a pooler in transaction mode it could not work correctly, so it ends with a sentence. A
 * database that does not answer, or refuses the user, is waited for; `/health/ready` says so.
 * @throws TransactionPooling
 */
export async function requireOwnSessions(database: { ping(timeoutMs: number): Promise<void> }): Promise<void> {
  await database.ping(START_MS).catch((error: unknown) => {
    if (error instanceof TransactionPooling) throw error;
  });
}
