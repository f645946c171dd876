import type postgres from "postgres";
import { openPostgres } from "./connect.ts";

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

/** A pooler that shares its connections out by turns is found out by the second or third look. */
const LOOKS = 3;

const backendOf = async (sql: postgres.Sql | postgres.TransactionSql): Promise<number> =>
  (await sql<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`)[0]!.pid;

/**
 * Whether each client keeps a server process of its own. With two clients: one that rests between two questions, one in a
 * transaction. Where sessions are pooled by the transaction, the second gets what the first has just given back.
 * @throws TransactionPooling; or the driver's error, when nobody answers
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
