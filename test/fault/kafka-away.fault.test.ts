import { afterAll, beforeAll, expect, test } from "bun:test";
import { saleKeys } from "../../lua/keys.ts";
import { call, claim } from "../support/client.ts";
import type { TestProcess } from "../support/processes.ts";
import { promisesKept } from "../support/promises-kept.ts";
import { everyWord, lastWords, named, rush } from "../support/rush.ts";
import { TestSocket } from "../support/socket.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

let system: System;
/** Answers only what Kafka has confirmed. */
let strict: TestProcess;
/** Would wait for Kafka so long that waiting shows. */
let waiting: TestProcess;
const WAIT_MS = 10_000;
beforeAll(async () => {
  system = await startSystem("kafka_away");
  strict = await system.addGateway({ CLAIM_REQUIRE_KAFKA: "true" });
  const patient = { CLAIM_ACK_MS: String(WAIT_MS), MESSAGE_TIMEOUT_MS: "60000" };
  waiting = await system.addGateway(patient);
}, 180_000);
afterAll(async () => {
  await system?.stack.kill("kafka", "SIGCONT");
  await system?.stack.up(["kafka"]);
  await system?.close();
}, 180_000);

const healthOf = async (url: string) => (await call(`${url}/health/ready`)).body;

/** Sums up what the stories' acceptances promised. */
const durabilities = (stories: Awaited<ReturnType<typeof rush>>): Set<string | undefined> =>
  new Set(stories.flatMap(({ answers }) => answers.map(({ body }) => body.durable)));

test("while the broker is frozen claims are accepted from the ledger, soon without waiting; thawed, Kafka confirms again", async () => {
  const { id } = await system.createSale({ total: 400 });
  const warm = await claim(waiting.url, id, system.token("before"));
  expect(warm).toMatchObject({ status: 202, body: { durable: "kafka" } });
  await system.stack.kill("kafka", "SIGSTOP");
  const users = named("patient", 300);
  const startedAt = performance.now();
  const stories = await rush({ couponId: id, users, gatewayFor: () => waiting.url, token: system.token, atOnce: 16 });
  const seconds = (performance.now() - startedAt) / 1000;
  expect(lastWords(stories)).toEqual({ 202: 300 });
  expect(durabilities(stories)).toEqual(new Set(["ledger"]));
  // Waiting 10 s for each would take 300 / 16 × 10 s = 190 s: the breaker stops that after the first few.
  expect(seconds).toBeLessThan(60);
  expect([...everyWord(stories)]).not.toContain("KAFKA_UNAVAILABLE");
  await system.stack.kill("kafka", "SIGCONT");
  let asked = 0;
  await until("claims are confirmed by Kafka again", async () => {
    const { body } = await claim(waiting.url, id, system.token(`after-${asked++}`));
    return body.durable === "kafka";
  });
  await promisesKept(system, id, { winners: await system.redis.hlen(saleKeys(id).winners), fault: "Kafka frozen" });
}, 180_000);

test("while Kafka is down claims are accepted and persisted through the ledger; when Kafka is back, every user is told", async () => {
  const { id } = await system.createSale({ total: 200 });
  const users = named("offline", 500);
  // The first of them all, so a winner.
  const told = await TestSocket.welcomed(system.url, system.token(users[0]!));
  await system.crash("kafka");
  const stories = await rush({ couponId: id, users, gatewayFor: () => system.url, token: system.token });
  expect(lastWords(stories)).toEqual({ 202: 200, SOLD_OUT: 300 });
  expect(durabilities(stories)).toEqual(new Set(["ledger", undefined]));
  expect([...everyWord(stories)]).not.toContain("KAFKA_UNAVAILABLE");
  await until("the relay has persisted them without Kafka", async () => {
    const [row] = await system.sql`SELECT count(*)::int AS n FROM user_coupons WHERE coupon_id = ${id}`;
    return row!.n === 200;
  });
  // The word ISSUED also says that the news is in the log.
  const winner = stories.find(({ answers }) => answers.at(-1)!.status < 300)!;
  const { requestId } = winner.answers.at(-1)!.body;
  const status = async () =>
    (await call(`${system.url}/coupons/requests/${requestId}`, { token: system.token(winner.userId) })).body.status;
  expect(await status()).toBe("ACCEPTED");
  await until("health says so", async () => (await healthOf(system.url)).kafka === "down");
  expect(await healthOf(system.url)).toMatchObject({ status: "degraded", redis: "up" });

  // Who wants Kafka's word is refused, whether they won or not; other users' claims are accepted.
  const other = await system.createSale({ total: 1_000 });
  const refused = await claim(strict.url, other.id, system.token("careful"));
  expect(refused).toMatchObject({ status: 503, body: { code: "OUTCOME_UNKNOWN", retryable: true } });
  expect(refused.body.detail).toContain("the outcome is unknown");
  expect(refused.body.trackingUrl).toStartWith(`/coupons/requests/${other.id}-`);
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
  expect(await claim(strict.url, other.id, system.token("careful"))).toMatchObject({ status: 503 });

  await system.stack.up(["kafka"]);
  await until("it is issued", async () => (await status()) === "ISSUED");
  const confirmed = await until("the careful one has Kafka's word", async () => {
    const answer = await claim(strict.url, other.id, system.token("careful"));
    return (answer.status === 200 || answer.status === 202) && answer;
  });
  expect(confirmed.body).toMatchObject({ slot: 1, durable: "kafka" });
  await told.hears("coupon.issued");
  told.close();
  await promisesKept(system, other.id, { winners: 1 });
  await promisesKept(system, id, { winners: 200, fault: "Kafka killed" });
  await until("health is whole again", async () => (await healthOf(system.url)).status === "ready");
  let asked = 0;
  await until("claims are confirmed by Kafka again", async () => {
    const { body } = await claim(system.url, other.id, system.token(`last-${asked++}`));
    return body.durable === "kafka";
  });
}, 180_000);
