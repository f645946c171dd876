import { expect, test } from "bun:test";
import { TransactionPooling } from "../../db/pooling.ts";
import { createReadiness, type ReadinessProbe } from "./health.ts";

const up: ReadinessProbe = async () => {};
const failing =
  (error: Error): ReadinessProbe =>
  () =>
    Promise.reject(error);
const away = failing(Object.assign(new Error("connect"), { code: "ECONNREFUSED" }));
const refused = failing(Object.assign(new Error("no such user"), { code: "28P01" }));

async function readiness(...databases: ReadinessProbe[]) {
  const answers: unknown[] = [];
  let database = databases[0]!;
  const route = createReadiness({ redis: up, kafka: up, database: () => database() }, () => false);
  for (const next of databases) {
    database = next;
    const { status, body } = await route();
    answers.push({ code: status, ...JSON.parse(String(body)) });
    await Bun.sleep(260); // one look serves a quarter of a second
  }
  return answers;
}

test("a database that refuses us from the start makes the gateway not ready, and the answer says why", async () => {
  const database = "refused";
  expect(await readiness(refused, failing(new TransactionPooling()))).toMatchObject([
    { code: 503, status: "not ready", database, why: expect.stringContaining("no such user") },
    { code: 503, status: "not ready", database, why: expect.stringContaining("pool_mode=session") },
  ]);
});

test("one that is away, or refuses us later, leaves the claims to Redis and Kafka", async () => {
  expect(await readiness(away, up, refused)).toMatchObject([
    { code: 200, status: "degraded", database: "down" },
    { code: 200, status: "ready", database: "up" },
    { code: 200, status: "degraded", database: "refused" },
  ]);
});
