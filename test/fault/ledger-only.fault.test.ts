import { afterAll, beforeAll, expect, test } from "bun:test";
import { recorder } from "../history/recorder.ts";
import { claim } from "../support/client.ts";
import { promisesKept } from "../support/promises-kept.ts";
import { lastWords, named, rush } from "../support/rush.ts";
import { synced } from "../support/synced.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

let system: System;
beforeAll(async () => {
  // The relay leaves the ledger alone until the test is over: what is persisted meanwhile came out of a restarted Redis.
  system = await startSystem("ledger_only", { consumersEnv: { LEDGER_AGE_MS: "600000" } });
}, 180_000);
afterAll(async () => {
  await system?.stack.up(["redis", "kafka"]);
  await system?.close();
}, 180_000);

const gatewayFor = () => system.url;

async function persisted(couponId: string): Promise<number> {
  const [row] = await system.sql`SELECT count(*)::int AS n FROM user_coupons WHERE coupon_id = ${couponId}`;
  return row!.n;
}

test("claims that only the ledger holds survive a kill of Redis while Kafka is still away, and are persisted without it", async () => {
  const { id } = await system.createSale({ total: 500 });
  await system.crash("kafka");
  const before = await rush({ couponId: id, users: named("before", 300), gatewayFor, token: system.token });
  expect(lastWords(before)).toEqual({ 202: 300 });
  expect(new Set(before.map(({ answers }) => answers.at(-1)!.body.durable))).toEqual(new Set(["ledger"]));
  await synced(system.redis);
  expect(await persisted(id)).toBe(0);

  await system.crash("redis");
  recorder.redisLost();
  await system.stack.up(["redis"]);
  await until("the ledger is persisted, without Kafka", async () => (await persisted(id)) === 300);
  // Kafka may hold claims that neither Redis nor PostgreSQL has: until it can be asked, the sale stays closed.
  expect(await claim(system.url, id, system.token("meanwhile"))).toMatchObject({
    status: 503,
    body: { code: "SALE_RECOVERING" },
  });

  await system.stack.up(["kafka"]);
  const users = named("after", 400);
  const after = await rush({ couponId: id, users, gatewayFor, token: system.token, patienceMs: 120_000 });
  expect(lastWords(after)).toEqual({ 202: 200, SOLD_OUT: 200 });
  // Who won before the loss gets the same win again.
  const again = await rush({ couponId: id, users: named("before", 300), gatewayFor, token: system.token });
  expect(lastWords(again)).toEqual({ 200: 300 });
  await system.addConsumers(["claim-relay"], { LEDGER_AGE_MS: "1500" });
  await promisesKept(system, id, { winners: 500, fault: "Redis killed while Kafka is away (ledger only)" });
}, 240_000);
