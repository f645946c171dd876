import { afterAll, beforeAll, expect, test } from "bun:test";
import { createDatabase, type Database } from "../../db/client.ts";
import { LEASES, withLeases } from "../../db/leases.ts";
import { migrate } from "../../db/migrate.ts";
import { refusalOf, requireOwnSessions } from "../../db/pooling.ts";
import { call } from "../support/client.ts";
import { NO_PGBOUNCER, type PgBouncer, startPgBouncer } from "../support/pgbouncer.ts";
import { freshDatabase, type TestDatabase } from "../support/postgres.ts";
import { startGateway } from "../support/processes.ts";

if (NO_PGBOUNCER !== undefined) console.log(`left out: ${NO_PGBOUNCER}`);
const behind = test.skipIf(NO_PGBOUNCER !== undefined);

let database: TestDatabase;
beforeAll(async () => {
  database = await freshDatabase();
}, 120_000);
afterAll(() => database.drop());

async function through<T>(
  settings: readonly string[],
  work: (db: Database, bouncer: PgBouncer) => Promise<T>,
): Promise<T> {
  const bouncer = await startPgBouncer(database.url, settings);
  const db = createDatabase(bouncer.url, { max: 4, name: "test", statementTimeoutMs: 700 });
  try {
    return await work(db, bouncer);
  } finally {
    await db.close();
    await bouncer.remove();
  }
}
const failure = (work: Promise<unknown>): Promise<Error> =>
  work.then(
    () => new Error("it worked"),
    (error) => error,
  );

behind(
  "with its defaults, PgBouncer in session mode takes what a process does",
  async () => {
    await through([], async (db, bouncer) => {
      await requireOwnSessions(db);
      await db.ping(10_000);
      // The same statement again and again is a prepared one, and parameters go along.
      for (let i = 0; i < 5; i++) expect((await db.sql`SELECT ${i}::int + 1 AS n`)[0]!.n).toBe(i + 1);
      expect(await db.orm.query.settings?.findMany()).toEqual([]);
      const lease = (work: () => Promise<string | undefined>) => withLeases(db.leases, LEASES.retention, ["all"], work);
      const held = await lease(() => lease(async () => "twice"));
      expect(held).toBeUndefined(); // one holder at a time
      await migrate(bouncer.url);
    });
  },
  60_000,
);

behind(
  "its sessions have the time-outs that a direct connection has",
  async () => {
    await through([], async (db) => {
      const settings = async (sql: Database["sql"]) =>
        (
          await sql`SELECT current_setting('statement_timeout') AS statement, current_setting('idle_in_transaction_session_timeout') AS idle, current_setting('TimeZone') AS zone`
        )[0];
      const wanted = { statement: "700ms", idle: "30s", zone: "UTC" };
      expect({ ...(await settings(db.sql)) }).toEqual(wanted as never);
      expect({ ...(await settings(db.leases.sql)) }).toEqual(wanted as never);
      // In transactions and on reserved connections, too, each on a connection that is made for it.
      expect({ ...(await db.sql.begin((tx) => settings(tx as never))) }).toEqual(wanted as never);
      const late = await failure(db.sql`SELECT pg_sleep(30)`);
      expect((late as { code?: string }).code).toBe("57014");
    });
    const direct = createDatabase(database.url, { max: 2, name: "test", statementTimeoutMs: 700 });
    expect(((await failure(direct.sql`SELECT pg_sleep(30)`)) as { code?: string }).code).toBe("57014");
    await direct.close();
  },
  60_000,
);

behind(
  "transaction mode is refused with a sentence, at the start and by every look at the database's health",
  async () => {
    await through(["pool_mode = transaction"], async (db) => {
      for (const look of [() => requireOwnSessions(db), () => db.ping(10_000)]) {
        expect(refusalOf(await failure(look()))).toContain("pool_mode=session");
      }
    });
    // Statement mode ends every transaction by itself.
    await through(["pool_mode = statement"], async (db) => {
      expect((await failure(db.ping(10_000))).message).not.toBe("it worked");
    });
  },
  60_000,
);

behind(
  "a user or a database that is refused is told from one that is away",
  async () => {
    await through([], async (_, bouncer) => {
      const stranger = createDatabase(bouncer.url.replace(/\/\/[^@/]*@?/, "//nobody@"), { max: 1, name: "test" });
      expect(refusalOf(await failure(stranger.ping(10_000)))).toBeNull(); // PgBouncer's error for it has no specific code
      await stranger.close();
    });
    const nowhere = createDatabase(database.url.replace(/[^/]*$/, "no_such_database"), { max: 1, name: "test" });
    expect(refusalOf(await failure(nowhere.ping(10_000)))).toContain("does not exist");
    await nowhere.close();
  },
  60_000,
);

behind(
  "a gateway behind session mode serves what PostgreSQL holds, and one behind transaction mode does not start",
  async () => {
    const secret = { JWT_SECRET: "a secret of thirty-two characters" };
    await through([], async (_, bouncer) => {
      const gateway = await startGateway({ ...secret, DATABASE_URL: bouncer.url });
      expect((await call(`${gateway.url}/health/ready`)).body.database).toBe("up");
      expect(await call(`${gateway.url}/coupons`)).toMatchObject({ status: 200, body: { items: [] } });
      await gateway.stop();
    });
    await through(["pool_mode = transaction"], async (_, bouncer) => {
      const error = await failure(startGateway({ ...secret, DATABASE_URL: bouncer.url }));
      expect(error.message).toContain("pool_mode=session");
    });
  },
  120_000,
);
