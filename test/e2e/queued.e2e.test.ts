import { afterAll, beforeAll, expect, test } from "bun:test";
import { call, claim } from "../support/client.ts";
import { firstUsers, readQueuedLog } from "../support/queued-log.ts";
import { lastWords, named, rush, type UserStory } from "../support/rush.ts";
import { TestSocket } from "../support/socket.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

let system: System;
beforeAll(async () => {
  system = await startSystem("queued", { gateways: 2, gatewayEnv: { QUEUED_ACK_MS: "10000" } });
  await system.addConsumers(["coupon-decide", "notify"]); // partitions are shared
}, 180_000);
afterAll(() => system?.close());

const gatewayFor = (user: number) => system.gateways[user % 2]!.url;
const replay = (id: string) => readQueuedLog(system.stack.env.KAFKA_BROKERS, id);
const statusOf = async (requestId: string, user: string) =>
  (await call(`${system.url}/coupons/requests/${requestId}`, { token: system.token(user) })).body;
const winnersOf = async (id: string): Promise<string[]> => {
  const rows = await system.sql`
    SELECT user_id FROM user_coupons WHERE coupon_id = ${id} AND status <> 'REVOKED' ORDER BY slot`;
  return rows.map(({ user_id }) => user_id);
};
const order = (id: string, action: string) =>
  call(`${system.url}/admin/coupons/${id}/${action}`, { method: "POST", token: system.operator });

test("3,000 users, 500 coupons: exactly the first 500 of the log have one, and every user is told", async () => {
  const { id, issueMode } = await system.createSale({ total: 500, issueMode: "QUEUED" });
  expect(issueMode).toBe("QUEUED");
  const users = named("queuer", 3_000);
  const listener = await TestSocket.welcomed(system.url, system.token(users[0]!));
  const stories = await rush({ couponId: id, users, gatewayFor, token: system.token, atOnce: 128 });
  const words = lastWords(stories);
  // Some may find the gates closed; on a quick machine all are logged before the last slot is given.
  expect((words["202"] ?? 0) + (words.SOLD_OUT ?? 0)).toBe(3_000);
  expect(words["202"]).toBeGreaterThanOrEqual(500);
  const last = (story: UserStory) => story.answers.at(-1)!;
  const first = last(stories[0]!).body;
  expect(first).toEqual({
    requestId: expect.any(String),
    couponId: id,
    status: "PENDING",
    durable: "kafka",
    receipt: expect.any(String),
  });
  await system.settled(id);

  const asks = await replay(id);
  expect(asks.length).toBeGreaterThanOrEqual(words["202"]!);
  const expected = firstUsers(asks, 500);
  expect(await winnersOf(id)).toEqual(expected);
  const won = new Set(expected);
  const asked = stories.filter((story) => last(story).status === 202);
  const outcomes = { ISSUED: 0, FAILED: 0 };
  for (const story of asked) {
    const { userId } = story;
    const status = await until(`${userId} is told`, async () => {
      const answer = await statusOf(last(story).body.requestId, userId);
      return answer.status !== "PENDING" && answer;
    });
    expect(status.status).toBe(won.has(userId) ? "ISSUED" : "FAILED");
    if (status.status === "FAILED") expect(status.reason).toBe("SOLD_OUT");
    outcomes[status.status as "ISSUED"]++;
  }
  expect(outcomes.ISSUED).toBe(500);
  expect(outcomes.FAILED).toBe(asked.length - 500);
  expect(await listener.hears(won.has(users[0]!) ? "coupon.issued" : "coupon.failed")).toMatchObject({
    requestId: first.requestId,
  });
  listener.close();
  // A gateway refuses from memory now; a winner still gets their win.
  await until("the gates are closed", async () => {
    return (await claim(system.url, id, system.token("late"))).body.code === "SOLD_OUT";
  });
  const slot = 1;
  expect(await claim(system.url, id, system.token(expected[0]!))).toMatchObject({
    status: 200,
    body: { slot, status: "ACCEPTED", repeat: true, requestId: asks[0]!.requestId },
  });
  expect(await system.violations()).toEqual([]);
}, 180_000);

test("30 clicks of one user at once are one coupon and one request, which each gateway logs at most once", async () => {
  const { id } = await system.createSale({ total: 10, issueMode: "QUEUED" });
  const token = system.token("impatient");
  const answers = await Promise.all(Array.from({ length: 30 }, (_, i) => claim(gatewayFor(i), id, token)));
  const pending = answers.filter(({ status }) => status === 202);
  expect(pending.length).toBeGreaterThan(0);
  expect(new Set(answers.map(({ body }) => body.requestId)).size).toBe(1);
  expect(pending.filter(({ body }) => body.repeat !== true)).toHaveLength(1);
  await system.settled(id);
  expect((await replay(id)).length).toBeLessThanOrEqual(2);
  expect(await winnersOf(id)).toEqual(["impatient"]);
  for (const { body } of pending) {
    const issued = await until("it is issued", async () => {
      const status = await statusOf(body.requestId, "impatient");
      return status.status === "ISSUED" && status;
    });
    expect(issued).toMatchObject({ slot: 1 });
  }
  expect(await system.violations()).toEqual([]);
});

test("a request is PENDING at once, for its owner alone; over the socket a claim is accepted without a slot", async () => {
  const { id } = await system.createSale({ total: 5, issueMode: "QUEUED" });
  expect((await order(id, "pause")).body.state).toBe("PAUSED");
  // Paused is said at the door; what is logged in the very moment waits.
  expect(await claim(system.url, id, system.token("ann"))).toMatchObject({ status: 403, body: { code: "PAUSED" } });
  await order(id, "open");
  await until("the door is open", async () => {
    return (await claim(system.url, id, system.token("opener"))).status === 202;
  });
  const socket = await TestSocket.welcomed(system.url, system.token("bob"));
  socket.send({ type: "claim", couponId: id, ref: "r" });
  const accepted = await socket.hears("claim.accepted");
  expect(accepted).toMatchObject({ ref: "r", couponId: id, status: "PENDING", durable: "kafka" });
  expect(accepted).not.toHaveProperty("slot");
  expect(await socket.hears("coupon.issued")).toMatchObject({ requestId: accepted.requestId });
  socket.close();
  const cy = await claim(system.url, id, system.token("cy"));
  const own = await statusOf(cy.body.requestId, "cy");
  expect(["PENDING", "ISSUED"]).toContain(own.status);
  expect(await statusOf(cy.body.requestId, "eve")).toMatchObject({ code: "REQUEST_NOT_FOUND" });
  expect(await statusOf(`${id}-${"0".repeat(18)}`, "eve")).toMatchObject({ code: "REQUEST_NOT_FOUND" });
  await system.settled(id);
});

test("requests that are logged when the sale is paused wait, and win in their order when it opens", async () => {
  const { id } = await system.createSale({ total: 40, issueMode: "QUEUED" });
  const users = named("waiter", 400);
  let paused: Promise<unknown> | undefined;
  const stories = await rush({
    couponId: id,
    users,
    gatewayFor,
    token: system.token,
    atOnce: 32,
    begins: (user) => {
      if (user === 30) paused = order(id, "pause");
    },
  });
  await paused;
  const before = (await winnersOf(id)).length;
  const again = rush({ couponId: id, users: named("after", 200), gatewayFor, token: system.token });
  await Bun.sleep(300);
  expect((await winnersOf(id)).length).toBeLessThanOrEqual(40);
  await order(id, "open");
  await again;
  await rush({ couponId: id, users: named("rest", 200), gatewayFor, token: system.token });
  await system.settled(id);
  const asks = await replay(id);
  expect(asks.length).toBeGreaterThanOrEqual(40);
  expect(before).toBeLessThanOrEqual(40);
  expect(await winnersOf(id)).toEqual(firstUsers(asks, 40));
  expect(stories).toHaveLength(400);
  expect(await system.violations()).toEqual([]);
}, 180_000);

test("before the start NOT_STARTED, after the end ENDED; the log's own clock is the judge in between", async () => {
  const { id, startsAt, endsAt } = await system.createSale({
    total: 10_000,
    startsInMs: 4_000,
    endsInMs: 9_000,
    issueMode: "QUEUED",
  });
  expect(await claim(system.url, id, system.token("early"))).toMatchObject({
    status: 403,
    body: { code: "NOT_STARTED", startsAt },
  });
  while (Date.now() < Date.parse(startsAt)) await Bun.sleep(1);
  const asked = [];
  for (let i = 0, after = 0; after < 10; i++) {
    if (Date.now() >= Date.parse(endsAt)) after++;
    asked.push(claim(gatewayFor(i), id, system.token(`windowed-${i}`)));
    await Bun.sleep(20);
  }
  const answers = await Promise.all(asked);
  expect(new Set(answers.map(({ status, body }) => body.code ?? status))).toEqual(new Set([202, "ENDED"]));
  await system.settled(id);
  const asks = await replay(id);
  const inTime = asks.filter(({ at }) => at >= Date.parse(startsAt) && at < Date.parse(endsAt));
  expect(await winnersOf(id)).toEqual(inTime.map(({ userId }) => userId));
  expect(await system.violations()).toEqual([]);
}, 180_000);

test("an operator closes a queued sale: no user wins any more", async () => {
  const { id } = await system.createSale({ total: 10, issueMode: "QUEUED" });
  expect((await order(id, "close")).body.state).toBe("CLOSED");
  expect(await claim(system.url, id, system.token("late"))).toMatchObject({ status: 403, body: { code: "ENDED" } });
});
