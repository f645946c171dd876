import { afterAll, beforeAll, expect, test } from "bun:test";
import { createDatabase, type Database } from "../../db/client.ts";
import { classify } from "../../db/errors.ts";
import { freshDatabase, type PostgresServer, startPostgres } from "../support/postgres.ts";
import { until } from "../support/until.ts";

// These are promises of the driver that it keeps only with patches/postgres@3.4.9.patch: unpatched, the first kills the
// process, the second leaves a pool that never answers again, and the third commits half of a transaction.
let server: PostgresServer;
let url: string;
let db: Database;
let operator: Database;
beforeAll(async () => {
  server = await startPostgres();
  ({ url } = await freshDatabase(server.url));
  db = createDatabase(url, { max: 3, name: "victim" });
  operator = createDatabase(server.url, { max: 1, name: "operator" });
  await db.sql`CREATE TABLE notes (note text)`;
}, 180_000);
afterAll(async () => {
  await Promise.all([db.close(), operator.close()]);
  server.remove();
});
/** Ends all sessions, once one of them is in this state. */
async function killOnce(state: "active" | "idle in transaction"): Promise<void> {
  await until(`a session is ${state}`, async () => {
    const found = await operator.sql`
      SELECT FROM pg_stat_activity WHERE application_name = 'victim' AND state = ${state}`;
    return found.length > 0;
  });
  await operator.sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'victim'`;
}
const outcome = (work: Promise<unknown>) =>
  work.then(
    () => "done",
    (error) => classify(error),
  );

test("a killed session fails its statement as transient, and the pool answers again", async () => {
  const sleeping = outcome(db.sql`SELECT pg_sleep(60)`);
  await killOnce("active");
  expect(await sleeping).toBe("transient");
  for (let i = 0; i < 10; i++) expect(["done", "transient"]).toContain(await outcome(db.sql`SELECT 1`));
  expect(await outcome(db.sql`SELECT 1`)).toBe("done");
});

test("what a transaction does after its session was lost happens nowhere", async () => {
  let resume = () => {};
  const paused = new Promise<void>((resolve) => {
    resume = resolve;
  });
  const first = Promise.withResolvers<void>();
  const later: string[] = [];
  const transaction = outcome(
    db.sql.begin(async (tx) => {
      await tx`INSERT INTO notes VALUES ('first')`;
      first.resolve();
      await paused;
      later.push(await outcome(tx`INSERT INTO notes VALUES ('second')`));
      later.push(await outcome(tx`INSERT INTO notes VALUES ('third')`));
    }),
  );
  await first.promise; // after BEGIN alone a session is idle in its transaction too
  await killOnce("idle in transaction");
  expect(await transaction).toBe("transient");
  await Promise.all([1, 2, 3, 4].map(() => outcome(db.sql`SELECT pg_sleep(0.05)`))); // the connection is taken again
  resume();
  await until("it has tried", () => later.length === 2);
  expect(later).toEqual(["transient", "transient"]);
  expect(await db.sql`SELECT note FROM notes`).toHaveLength(0);
});

test("a server that is starting refuses calls, which the caller repeats; none hangs", async () => {
  await server.stop();
  expect(await outcome(db.sql`SELECT 1`)).toBe("transient");
  const started = server.start();
  let answer = "";
  const deadline = Date.now() + 60_000;
  while (answer !== "done" && Date.now() < deadline) answer = await outcome(db.sql`SELECT 1`);
  await started;
  expect(answer).toBe("done");
  await operator.sql`SELECT 1`.catch(() => {});
});

test("a pool closes in no time, although sessions were lost while they worked", async () => {
  const another = createDatabase(url, { max: 3, name: "victim" });
  const working = outcome(another.sql.begin((tx) => tx`SELECT pg_sleep(60)`));
  await killOnce("active");
  expect(await working).toBe("transient");
  const startedAt = performance.now();
  await another.close();
  expect(performance.now() - startedAt).toBeLessThan(30_000);
});

test("ping answers, and fails in time when no server answers", async () => {
  await outcome(db.sql`SELECT 1`);
  await outcome(db.sql`SELECT 1`); // on sessions that the test before has lost
  await db.ping(60_000);
  await server.stop();
  expect(await outcome(db.ping(500))).toBe("transient");
  await server.start();
});
