import { afterAll, beforeAll, expect, test } from "bun:test";
import { call } from "../support/client.ts";
import { promisesKept } from "../support/promises-kept.ts";
import { lastWords, named, rush, tryClaim, type UserStory } from "../support/rush.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

let system: System;
beforeAll(async () => {
  system = await startSystem("gateway_killed", { gateways: 2 });
}, 180_000);
afterAll(() => system?.close());

const KILLED = 128 + 9;

async function relayed(): Promise<number> {
  const { body } = await call(`${system.consumers[0]!.url}/metrics`);
  return Number(/^stampede_relayed_claims_total (\d+)/m.exec(body)?.[1] ?? 0);
}

test("a gateway killed between Redis and Kafka: the relay delivers, and a user who asks again gets the same win", async () => {
  const { id } = await system.createSale({ total: 20 });
  const doomed = await system.addGateway({ FAULT_POINT: "claim:after-lua" });
  const before = await relayed();
  // All twenty are decided in one script call; not one of them is answered.
  const users = named("orphan", 20);
  const lost = await Promise.all(users.map((user) => tryClaim(doomed.url, id, system.token(user))));
  expect(lost.map(({ status }) => status)).toEqual(users.map(() => 0));
  expect(await doomed.exited).toBe(KILLED);
  const decided = await system.redis.hgetall(`{c:${id}}:winners`);
  expect(Object.keys(decided).length).toBeGreaterThan(0);

  const stories = await rush({ couponId: id, users, gatewayFor: () => system.url, token: system.token });
  for (const { userId, answers } of stories) {
    const [slot, requestId] = decided[userId]?.split(" ") ?? [];
    const { status, body } = answers.at(-1)!;
    if (requestId === undefined) expect(status).toBeLessThan(300);
    else expect({ status, body }).toMatchObject({ status: 200, body: { requestId, slot: Number(slot), repeat: true } });
  }
  const [first] = Object.entries(decided);
  const requestId = first![1].split(" ")[1];
  await until("the relay has issued it", async () => {
    const { body } = await call(`${system.url}/coupons/requests/${requestId}`, { token: system.token(first![0]) });
    return body.status === "ISSUED";
  });
  expect(await relayed()).toBeGreaterThanOrEqual(before + Object.keys(decided).length);
  await promisesKept(system, id, { winners: 20, fault: "gateway killed between Redis and Kafka" });
}, 180_000);

test("a gateway killed between Kafka and its answer: the claim is persisted once", async () => {
  const { id } = await system.createSale({ total: 5 });
  const doomed = await system.addGateway({ FAULT_POINT: "claim:after-produce" });
  expect((await tryClaim(doomed.url, id, system.token("unanswered"))).status).toBe(0);
  expect(await doomed.exited).toBe(KILLED);
  const again = await tryClaim(system.url, id, system.token("unanswered"));
  expect(again).toMatchObject({ status: 200, body: { slot: 1, repeat: true } });
  await promisesKept(system, id, { winners: 1, fault: "gateway killed between Kafka and its answer" });
}, 180_000);

test("gateways killed one after the other in mid-rush: exactly N winners, and no acceptance vanishes", async () => {
  const { id } = await system.createSale({ total: 500 });
  const doomed = await Promise.all([system.addGateway(), system.addGateway()]);
  const all = [...system.gateways.slice(0, 2), ...doomed];
  const stories: UserStory[] = await rush({
    couponId: id,
    users: named("rusher", 3_000),
    gatewayFor: (user, attempt) => all[(user + attempt) % all.length]!.url,
    token: system.token,
    begins(user) {
      if (user === 150) doomed[0]!.kill("SIGKILL");
      if (user === 350) doomed[1]!.kill("SIGKILL");
    },
  });
  const broken = stories.flatMap(({ answers }) => answers).filter(({ status }) => status === 0);
  expect(broken.length).toBeGreaterThan(0);
  const words = lastWords(stories);
  expect(words["202"]! + (words["200"] ?? 0)).toBe(500);
  expect(words.SOLD_OUT).toBe(2_500);
  await promisesKept(system, id, { winners: 500, fault: "gateways killed in mid-rush" });
}, 180_000);
