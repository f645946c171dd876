import { afterAll, beforeAll, expect, test } from "bun:test";
import { createDatabase } from "../../db/client.ts";
import { freshDatabase, type PostgresServer, startPostgres } from "../support/postgres.ts";
import { until } from "../support/until.ts";
import { type ConsumerWorld, createWorld, WORLD_MS } from "./world.ts";

let server: PostgresServer;
let world: ConsumerWorld;
beforeAll(async () => {
  server = await startPostgres();
  const database = await freshDatabase(server.url);
  world = await createWorld({ databaseUrl: database.url });
}, WORLD_MS);
afterAll(async () => {
  await world.close();
  server.remove();
});

test("PostgreSQL away for ten seconds in the middle: nothing is a dead letter, everything is persisted afterwards", async () => {
  const topic = await world.newTopic(2);
  const sale = await world.newSale(5_000);
  await world.load(sale);
  const produce = async (from: number, to: number) => {
    const users = Array.from({ length: to - from }, (_, i) => `user-${from + i}`);
    const claims = await world.claim(sale, ...users);
    await world.rawProducer.sendAll(
      claims.map((data) => ({
        topic,
        value: JSON.stringify({ type: "CouponClaimed", eventId: data.requestId, data }),
      })),
    );
  };
  const runner = world.run(world.persistRole(), topic);
  await produce(0, 1_000);
  await until("the first are persisted", async () => (await world.rows(sale)).length > 0);
  await server.stop();
  const awayAt = Date.now();
  await produce(1_000, 2_000);
  await Bun.sleep(10_000 - (Date.now() - awayAt));
  expect(world.lines.some(({ level }) => level === "error")).toBe(true); // an operator is told
  await server.start();
  await until("all are persisted", async () => (await world.rows(sale).catch(() => [])).length === 2_000);
  await until("all is committed", async () => (await world.lag(topic)) === 0);
  await runner.stop(2_000);
  expect(await world.read(`${topic}.DLT`, 1, 1_000)).toEqual([]);
  const issued = new Set(world.events(sale).map(({ requestId }) => requestId));
  expect(issued.size).toBe(2_000);
}, 180_000);

test("a read-only PostgreSQL is waited for, too", async () => {
  const topic = await world.newTopic(1);
  const sale = await world.newSale(10);
  await world.load(sale);
  const [claim] = await world.claim(sale, "ann");
  const database = new URL(world.config.DATABASE_URL).pathname.slice(1);
  const operator = createDatabase(server.url, { max: 1, name: "operator" });
  /** For sessions that begin from now on, and there are no others. */
  const readOnly = async (on: "on" | "off") => {
    await operator.sql`ALTER DATABASE ${operator.sql(database)} SET default_transaction_read_only = ${operator.sql(on)}`;
    await operator.sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ${database}`;
  };
  await readOnly("on");
  const value = JSON.stringify({ type: "CouponClaimed", eventId: claim!.requestId, data: claim });
  await world.rawProducer.sendAll([{ topic, value }]);
  const runner = world.run(world.persistRole(), topic);
  await until("it complains", () => world.lines.some(({ fields }) => fields.code === "25006"));
  await readOnly("off");
  await until("it is persisted", async () => (await world.rows(sale).catch(() => [])).length === 1);
  await runner.stop(2_000);
  await operator.close();
  expect(await world.read(`${topic}.DLT`, 1, 1_000)).toEqual([]);
}, 180_000);
