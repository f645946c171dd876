import { drizzle, type PostgresJsDatabase } from "drizzle-orm/postgres-js";
import type postgres from "postgres";
import { openPostgres } from "./connect.ts";
import { requireSessions } from "./pooling.ts";
import * as schema from "./schema.ts";

export type Sql = postgres.Sql;
/** A transaction or the pool: what a statement file takes, so that it runs in either. */
export type Executor = postgres.Sql | postgres.TransactionSql;
/** Drizzle without transactions: those belong to statements (`Sql.begin`). */
export type Orm = Omit<PostgresJsDatabase<typeof schema>, "transaction">;

export interface DatabaseOptions {
  /** Connections for all statements but leases. At least one: no transaction needs a second one. */
  readonly max: number;
  /** Shown in pg_stat_activity. */
  readonly name: string;
  /** Milliseconds a statement may run before the server cancels it (57014, transient). Default 30,000; 0: no limit. */
  readonly statementTimeoutMs?: number;
}

/** Connections for leases alone (leases.ts); nothing else may take one. */
export interface LeasePool {
  readonly sql: Sql;
}

export interface Database {
  /** Statements in SQL. */
  readonly sql: Sql;
  /** Drizzle on the connections of `sql`. */
  readonly orm: Orm;
  readonly leases: LeasePool;
  /** @throws what the driver throws when no server answers within `timeoutMs`; TransactionPooling (pooling.ts) */
  ping(timeoutMs: number): Promise<void>;
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_S = 5;
/**
 * Leases that a process with all roles holds at once: the loader seven (one for first loads, six for groups that it
 * recovers), the claim relay three, the sweeper, the order relay and the admission loader one each; and some to spare. One
 * more would wait, which does no harm.
 */
const LEASE_CONNECTIONS = 16;
const LEASE_IDLE_S = 60;

/**
 * Opens nothing yet: the first statement connects, and a lost connection is replaced by the next statement (the driver
 * does it; the statement in flight fails with a code that `classify` calls transient).
 */
export function createDatabase(url: string, options: DatabaseOptions): Database {
  const common = {
    connect_timeout: CONNECT_TIMEOUT_S,
    // The driver's own back-off grows to many seconds; callers retry after their own pause.
    backoff: () => 0.2,
    // Arrays go over as literals (array-literal.ts), so the type catalogue need not be read on every connect.
    fetch_types: false,
    onnotice: () => {},
    types: { json: JSON_TYPE },
    connection: {
      application_name: options.name,
      // Times come back as text: in a zone whose year is over already, the last instant of 9999 would be no date to JavaScript.
      TimeZone: "UTC",
    },
    // Not start-up parameters, which PgBouncer refuses. A process that stops between BEGIN and COMMIT must not hold a sale's
    // row without end.
    session: `SET statement_timeout = ${options.statementTimeoutMs ?? 30_000}; SET idle_in_transaction_session_timeout = 30000`,
  };
  const sql = openPostgres(url, { ...common, max: options.max });
  // The holder of a lease needs a connection of `sql` for the work. If leases came from there too, as many of them as there are
  // connections would wait for each other without end.
  const leases = openPostgres(url, { ...common, max: LEASE_CONNECTIONS, idle_timeout: LEASE_IDLE_S });
  let sessions: Promise<void> | undefined;
  const requireOwnSessions = () => {
    sessions ??= requireSessions(url).catch((error) => {
      sessions = undefined; // asked again: the server did not answer, or an operator has just corrected the setting
      throw error;
    });
    return sessions;
  };
  return {
    sql,
    leases: { sql: leases },
    orm: drizzle(preparing(sql), { schema }),
    async ping(timeoutMs) {
      const query = sql`SELECT 1`;
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => {
          query.cancel();
          reject(Object.assign(new Error(`no answer within ${timeoutMs} ms`), { code: "ETIMEDOUT" }));
        }, timeoutMs);
      });
      try {
        await Promise.race([requireOwnSessions().then(() => query.execute()), late]);
      } finally {
        clearTimeout(timer);
        query.catch(() => {}); // cancelled after the race was lost: already reported as ETIMEDOUT
      }
    },
    async close() {
      await Promise.all([sql, leases].map((client) => client.end({ timeout: 5 })));
    },
  };
}

/** As the driver's own, but a text is JSON already: Drizzle writes it so, and so do our statements (`::text::jsonb`). */
const JSON_TYPE = {
  to: 114,
  from: [114, 3802],
  serialize: (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value)),
  parse: (text: string): unknown => JSON.parse(text),
};

/** `simple: false`: a statement without parameters is prepared too. */
const PREPARED = { prepare: true, simple: false } as postgres.UnsafeQueryOptions;

/**
 * The client as Drizzle takes it. Drizzle replaces parsers and serializers in its client's options, and asks for statements that
 * are not prepared. It gets options that are not read, and all its statements are prepared; its columns understand the values that
 * the driver's parsers give.
 */
function preparing(sql: Sql): Sql {
  const client = {
    options: { parsers: {}, serializers: {} },
    unsafe: (text: string, parameters: never[]) => sql.unsafe(text, parameters, PREPARED),
  };
  return client as unknown as Sql;
}
