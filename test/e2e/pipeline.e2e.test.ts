import { afterAll, beforeAll, expect, test } from "bun:test";
import { createBunKafka } from "../../kafka/bun/kafka.ts";
import { call, claim } from "../support/client.ts";
import { startGateway } from "../support/processes.ts";
import { promisesKept } from "../support/promises-kept.ts";
import { lastWords, named, rush } from "../support/rush.ts";
import { TestSocket } from "../support/socket.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

const LOOK_MS = 5_000;
let system: System;
beforeAll(async () => {
  // Old entries are left to the relay here, and the tail looks seldom: what is settled soon, it was told of.
  const consumersEnv = { LEDGER_AGE_MS: "600000", RELAY_EVERY_MS: String(LOOK_MS) };
  // So long that a claim on Kafka's way is one that Kafka has confirmed, on a slow machine, too.
  const gatewayEnv = { CLAIM_ACK_MS: "1500" };
  system = await startSystem("pipeline", { gateways: 2, gatewayEnv, consumersEnv });
}, 180_000);
afterAll(() => system?.close());

const show = (url = system.url) => call(`${url}/admin/pipeline`, { token: system.operator });
const choose = (pipeline: unknown, url = system.url) =>
  call(`${url}/admin/pipeline`, { method: "PUT", token: system.operator, json: { pipeline } });

/** Switches, and waits until every gateway has heard of it. */
async function switchTo(pipeline: unknown, redisPercent: number): Promise<void> {
  expect(await choose(pipeline)).toMatchObject({ status: 200, body: { redisPercent, from: "operator" } });
  for (const { url } of system.gateways)
    await until(`${url} has heard`, async () => (await percentAt(url)) === redisPercent);
}

/** What a gateway does now, without being told to look. */
async function percentAt(url: string): Promise<number> {
  const { body } = await call(`${url}/metrics`);
  return Number(/^stampede_pipeline_redis_percent (\d+)/m.exec(body)?.[1]);
}

async function logged(): Promise<number> {
  const admin = createBunKafka({ brokers: system.stack.env.KAFKA_BROKERS, clientId: "test" }).admin();
  try {
    return (await admin.endOffsets("coupon-issue-requests")).reduce((sum, { offset }) => sum + offset, 0);
  } finally {
    await admin.close();
  }
}

test("without a choice, claims go through Kafka", async () => {
  expect(await show()).toMatchObject({
    status: 200,
    body: { pipeline: "kafka", redisPercent: 0, from: "environment" },
  });
  const { id } = await system.createSale({ total: 1 });
  expect(await claim(system.url, id, system.token("ann"))).toMatchObject({ status: 202, body: { durable: "kafka" } });
  await system.settled(id);
});

test("through Redis alone a claim is issued at once, its owner is told, and Kafka's log never sees it", async () => {
  await switchTo("redis", 100);
  const { id } = await system.createSale({ total: 60 });
  const before = await logged();
  const told = await TestSocket.welcomed(system.url, system.token("told"));
  const times: number[] = [];
  for (const user of ["told", ...named("lone", 20)]) {
    const startedAt = performance.now();
    const answer = await claim(system.url, id, system.token(user));
    expect(answer).toMatchObject({ status: 202, body: { durable: "ledger" } });
    const status = `${system.url}/coupons/requests/${answer.body.requestId}`;
    await until(
      "it is issued",
      async () => (await call(status, { token: system.token(user) })).body.status === "ISSUED",
    );
    times.push(performance.now() - startedAt);
  }
  await told.hears("coupon.issued");
  told.close();
  times.shift(); // the relay has heard of the sale now
  // Each of them follows a look, so without a word it would have had to wait for the next one.
  expect(times.toSorted((a, b) => a - b)[10]!).toBeLessThan(LOOK_MS / 2);
  const users = named("crowd", 200);
  const stories = await rush({
    couponId: id,
    users,
    gatewayFor: (i) => system.gateways[i % 2]!.url,
    token: system.token,
  });
  expect(lastWords(stories)).toEqual({ 202: 39, SOLD_OUT: 161 });
  await promisesKept(system, id, { winners: 60 });
  expect(await logged()).toBe(before);
}, 180_000);

test("a share of the users goes through Redis, always the same ones, and a repeat finds the win on either way", async () => {
  await switchTo(50, 50);
  const [first, second] = [await system.createSale({ total: 100 }), await system.createSale({ total: 100 })];
  const ways = async (couponId: string) =>
    Promise.all(
      named("half", 100).map(async (user, i) => {
        const { status, body } = await claim(system.gateways[i % 2]!.url, couponId, system.token(user));
        expect(status).toBe(202);
        return body.durable;
      }),
    );
  const once = await ways(first.id);
  expect(await ways(second.id)).toEqual(once);
  const throughRedis = once.filter((durable) => durable === "ledger").length;
  expect(throughRedis).toBeGreaterThan(30);
  expect(throughRedis).toBeLessThan(70);
  await switchTo("kafka", 0);
  const again = await claim(system.url, first.id, system.token("half-0"));
  expect(again).toMatchObject({ status: 200, body: { repeat: true } });
  for (const { id } of [first, second]) await system.settled(id);
  expect(await system.violations()).toEqual([]);
}, 180_000);

test("the choice outlives gateways and a flushed Redis, and stands in the audit log", async () => {
  await switchTo(25, 25);
  await system.redis.flushall();
  const late = await startGateway({ DATABASE_URL: system.databaseUrl, ISSUE_PIPELINE: "redis" });
  try {
    expect(await percentAt(late.url)).toBe(25);
    expect((await show(late.url)).body).toMatchObject({ pipeline: 25, from: "operator", changedBy: "operator-1" });
  } finally {
    await late.stop();
  }
  await switchTo("kafka", 0);
  const lines = await system.sql`SELECT actor, detail FROM audit_log WHERE target = 'pipeline' ORDER BY id`;
  expect(lines.every(({ actor }) => actor === "operator-1")).toBe(true);
  expect(lines.slice(-2).map(({ detail }) => detail)).toEqual([
    { from: expect.anything(), to: 25 },
    { from: 25, to: "kafka" },
  ]);
});

test.each([[101], [-1], [50.5], ["kafkaa"], ["50"], [null], [true], [undefined]])(
  "%p is no pipeline, and changes nothing",
  async (pipeline) => {
    const before = (await show()).body;
    const { status, body } = await choose(pipeline);
    expect({ status, code: body.code }).toEqual({ status: 400, code: "VALIDATION_FAILED" });
    expect(body.detail).toContain("pipeline");
    expect((await show()).body).toEqual(before);
  },
);

test("only operators see the pipeline and switch it", async () => {
  for (const method of ["GET", "PUT"]) {
    const ask = (token?: string) =>
      call(`${system.url}/admin/pipeline`, {
        method,
        ...(method === "PUT" ? { json: { pipeline: "redis" } } : {}),
        ...(token === undefined ? {} : { token }),
      });
    expect(await ask()).toMatchObject({ status: 401, body: { code: "UNAUTHENTICATED" } });
    expect(await ask(system.token("mallory"))).toMatchObject({ status: 403, body: { code: "FORBIDDEN" } });
  }
  expect((await show()).body.redisPercent).toBe(0);
});

test("a gateway that promises Kafka's word neither switches nor follows, and does not start with the contradiction", async () => {
  const strict = await system.addGateway({ CLAIM_REQUIRE_KAFKA: "true" });
  for (const pipeline of ["redis", 1]) {
    const answer = await choose(pipeline, strict.url);
    expect(answer).toMatchObject({ status: 409, body: { code: "KAFKA_REQUIRED" } });
    expect(answer.body.detail).toContain("CLAIM_REQUIRE_KAFKA");
  }
  expect(await choose("kafka", strict.url)).toMatchObject({ status: 200 });
  expect(await choose("redis")).toMatchObject({ status: 200 });
  const { id } = await system.createSale({ total: 2 });
  await until("the strict one has heard", async () => (await show(strict.url)).body.redisPercent === 100);
  expect(await claim(strict.url, id, system.token("careful"))).toMatchObject({
    status: 202,
    body: { durable: "kafka" },
  });
  expect(await percentAt(strict.url)).toBe(0);
  await choose("kafka");
  await system.settled(id);
  const contradiction = startGateway({ CLAIM_REQUIRE_KAFKA: "true", ISSUE_PIPELINE: "10" });
  expect(contradiction).rejects.toThrow("contradicts CLAIM_REQUIRE_KAFKA=true");
  await contradiction.catch(() => {});
});
