import { afterAll, beforeAll, expect, test } from "bun:test";
import { claim } from "../support/client.ts";
import { firstUsers, readQueuedLog } from "../support/queued-log.ts";
import { named, rush } from "../support/rush.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

let system: System;
/** So long that who waits for it is told from who does not, on any machine. */
const ACK_MS = 10_000;
beforeAll(async () => {
  system = await startSystem("queued_kafka_away", { gatewayEnv: { QUEUED_ACK_MS: String(ACK_MS) } });
}, 180_000);
afterAll(async () => {
  await system?.stack.kill("kafka", "SIGCONT");
  await system?.close();
}, 180_000);

test("no acknowledgement, no promise: 503 while Kafka is frozen, soon at once; afterwards the first of the log win", async () => {
  const { id } = await system.createSale({ total: 30, issueMode: "QUEUED" });
  const gatewayFor = () => system.url;
  const before = await rush({ couponId: id, users: named("before", 10), gatewayFor, token: system.token });
  expect(before.every(({ answers }) => answers[0]!.status === 202)).toBe(true);

  await system.stack.kill("kafka", "SIGSTOP");
  const refused = await claim(system.url, id, system.token("frozen-0"));
  expect(refused).toMatchObject({ status: 503, body: { code: "OUTCOME_UNKNOWN", retryable: true } });
  expect(refused.body.detail).toContain("the outcome is unknown");
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
  const users = named("frozen", 40);
  await rush({ couponId: id, users, gatewayFor, token: system.token, atOnce: 40, patienceMs: 0 });
  // One of ten tries, the others need not wait.
  let answered = 0;
  const ten = users.slice(0, 10).map(async (user) => {
    const answer = await claim(system.url, id, system.token(user));
    answered++;
    return answer;
  });
  const startedAt = performance.now();
  await until("all but one have their answer", () => answered >= 9);
  expect(performance.now() - startedAt).toBeLessThan(ACK_MS / 2);
  // Each has asked before, and that request may be in the log.
  for (const answer of await Promise.all(ten)) expect(answer).toMatchObject({ body: { code: "OUTCOME_UNKNOWN" } });
  const fresh = await Promise.all(named("fresh", 3).map((user) => claim(system.url, id, system.token(user))));
  expect(fresh.map(({ body }) => body.code).sort()).toEqual([
    "KAFKA_UNAVAILABLE",
    "KAFKA_UNAVAILABLE",
    "OUTCOME_UNKNOWN",
  ]);
  await system.stack.kill("kafka", "SIGCONT");

  const after = await rush({ couponId: id, users, gatewayFor, token: system.token });
  expect(after.every(({ answers }) => [200, 202, 409].includes(answers.at(-1)!.status))).toBe(true);
  await system.settled(id, 60_000);
  const asks = await readQueuedLog(system.stack.env.KAFKA_BROKERS, id);
  const winners = async () =>
    (await system.sql`SELECT user_id FROM user_coupons WHERE coupon_id = ${id} ORDER BY slot`).map(
      (row) => row.user_id,
    );
  expect(await winners()).toEqual(firstUsers(asks, 30));
  await until("the checker is content", async () => (await system.violations()).length === 0);
}, 180_000);
