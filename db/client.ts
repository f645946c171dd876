import { drizzle, type PostgresJsDatabase } from "drizzle-orm/postgres-js";
import type postgres from "postgres";
import { openPostgres } from "./connect.ts";
import * as schema from "./schema.ts";

export type Sql = postgres.Sql;
/** A transaction or the pool: what a statement file takes, so that it runs in either. */
export type Executor = postgres.Sql | postgres.TransactionSql;
export type Orm = PostgresJsDatabase<typeof schema>;

export interface DatabaseOptions {
  /** Connections for the hot statements. */
  readonly max: number;
  /** Shown in pg_stat_activity. */
  readonly name: string;
  /** Milliseconds a statement may run before the server cancels it (57014, transient). Default 30,000; 0: no limit. */
  readonly statementTimeoutMs?: number;
}

export interface Database {
  /** Prepared statements, for what runs per batch or per request. */
  readonly sql: Sql;
  /** Drizzle on a client of its own: it replaces its client's parsers and prepares nothing. */
  readonly orm: Orm;
  /** @throws whatever the driver throws when no server answers within `timeoutMs` */
  ping(timeoutMs: number): Promise<void>;
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_S = 5;
const ORM_CONNECTIONS = 2;
const ORM_IDLE_S = 60;

/**
 * Opens nothing yet: the first statement connects, and a lost connection is replaced by the next statement (the driver
 * does it; the statement in flight fails with a code that `classify` calls transient).
 */
export function createDatabase(url: string, options: DatabaseOptions): Database {
  const common = {
    connect_timeout: CONNECT_TIMEOUT_S,
    // The driver's own back-off grows to many seconds; callers retry with a pause of their own.
    backoff: () => 0.2,
    // Arrays go over as literals (array-literal.ts), so the type catalogue need not be read on every connect.
    fetch_types: false,
    onnotice: () => {},
    connection: {
      application_name: options.name,
      // Times come back as text: in a zone whose year is over already, the last instant of 9999 would be no date to JavaScript.
      TimeZone: "UTC",
      statement_timeout: options.statementTimeoutMs ?? 30_000,
      // A process that stops between BEGIN and COMMIT must not hold a sale's row for ever.
      idle_in_transaction_session_timeout: 30_000,
    },
  };
  const sql = openPostgres(url, { ...common, max: options.max });
  const ormClient = openPostgres(url, { ...common, max: ORM_CONNECTIONS, idle_timeout: ORM_IDLE_S, prepare: false });
  return {
    sql,
    orm: drizzle(ormClient, { schema }),
    async ping(timeoutMs) {
      const query = sql`SELECT 1`.execute();
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => {
          query.cancel();
          reject(Object.assign(new Error(`no answer within ${timeoutMs} ms`), { code: "ETIMEDOUT" }));
        }, timeoutMs);
      });
      try {
        await Promise.race([query, late]);
      } finally {
        clearTimeout(timer);
        query.catch(() => {}); // cancelled after the race was lost: already reported as ETIMEDOUT
      }
    },
    async close() {
      await Promise.all([sql.end({ timeout: 5 }), ormClient.end({ timeout: 5 })]);
    },
  };
}
