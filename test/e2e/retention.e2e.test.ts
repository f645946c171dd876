import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { retain } from "../../consumers/retention/round.ts";
import { type RetentionSetting, ROW_RULES } from "../../consumers/retention/rules.ts";
import { recordOf } from "../../contracts/event-topics.ts";
import { createBunKafka } from "../../kafka/bun/kafka.ts";
import { saleKeys } from "../../lua/keys.ts";
import { call, claim } from "../support/client.ts";
import { createProduct, followOrders, placeOrder } from "../support/orders.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(180_000);

let system: System;
beforeAll(async () => {
  system = await startSystem("retention", { payments: {}, gatewayEnv: { USER_RATE_BURST: "1000" } });
}, 180_000);
afterAll(() => system?.close());

const of = (user: string) => ({ token: system.token(user) });
const show = async (path: string, user: string) => (await call(`${system.url}${path}`, of(user))).body;

/** A round that keeps nothing, but for the hour in which a loader looks after an ended sale. */
function keepNothing() {
  const settings = {
    ...(Object.fromEntries(ROW_RULES.map(({ setting }) => [setting, 0])) as Record<RetentionSetting, number>),
    SALE_KEEP_HOURS: 1,
  };
  const quiet = { deleted() {}, oldest() {}, stuckSales() {} };
  const complain = (fields: object, message: string) => {
    throw new Error(`${message} ${JSON.stringify(fields)}`);
  };
  const log = { debug() {}, info() {}, warn: complain, error: complain };
  const deps = { sql: system.sql, redis: system.redis, requestsWait: async () => false, settings, log, observe: quiet };
  return retain(deps, new AbortController().signal);
}

test("after everything that may go is gone, every answer is still true and no promise looks broken", async () => {
  const { id } = await system.createSale({ total: 2 });
  const mug = await createProduct(system);
  const win = await until("the sale is open", async () => {
    const answer = await claim(system.url, id, system.token("ann"));
    return answer.status === 202 && answer;
  });
  expect((await claim(system.url, id, system.token("bob"))).status).toBe(202);
  expect((await claim(system.url, id, system.token("cem"))).body.code).toBe("SOLD_OUT");
  await system.settled(id);
  const order = (over: object) => ({
    items: [{ productId: mug.id, quantity: 1 }],
    payment: { token: "tok_ok" },
    ...over,
  });
  const good = (await placeOrder(system, "ann", order({ couponId: id }), "good")).body.orderId;
  const declined = (await placeOrder(system, "bob", order({ payment: { token: "tok_decline" } }), "declined")).body
    .orderId;
  for (const [orderId, user, status] of [
    [good, "ann", "COMPLETED"],
    [declined, "bob", "CANCELLED"],
  ] as const) {
    await until(`the order is ${status}`, async () => (await show(`/orders/${orderId}`, user)).status === status);
  }
  // The order's last word is told, and nothing of it is on its way.
  await until(
    "the sagas rest",
    async () => (await system.sql`SELECT FROM order_sagas WHERE due_at IS NOT NULL`).length === 0,
  );
  const before = { good: await show(`/orders/${good}`, "ann"), declined: await show(`/orders/${declined}`, "bob") };

  // Two hours later.
  await system.sql`UPDATE coupons SET starts_at = starts_at - interval '3 hours', ends_at = now() - interval '2 hours' WHERE id = ${id}`;
  await system.redis.hset(saleKeys(id).sale, "endsAt", Date.now() - 7_200_000);
  await keepNothing();
  expect(await system.redis.keys(`{c:${id}}:*`)).toEqual([]);
  expect(await system.sql`SELECT FROM order_sagas`).toHaveLength(0);
  const tokens = await system.sql`SELECT token, o.payment FROM payments p JOIN orders o ON o.id = p.order_id`;
  expect(tokens.map((row) => ({ ...row }))).toEqual([
    { token: "", payment: null },
    { token: "", payment: null },
  ]);

  expect(await system.violations()).toEqual([]);
  expect(await show(`/coupons/${id}`, "ann")).toMatchObject({ state: "ENDED", total: 2, remaining: 0 });
  expect(await show(`/coupons/requests/${win.body.requestId}`, "ann")).toMatchObject({
    status: "ISSUED",
    slot: win.body.slot,
  });
  expect(await call(`${system.url}/coupons/requests/${id}-000000000000000000`, of("cem"))).toMatchObject({
    status: 404,
  });
  expect(await claim(system.url, id, system.token("ann"))).toMatchObject({
    status: 200,
    body: { repeat: true, requestId: win.body.requestId, slot: win.body.slot },
  });
  expect(await claim(system.url, id, system.token("cem"))).toMatchObject({ status: 403, body: { code: "ENDED" } });
  for (const [orderId, user, was] of [
    [good, "ann", before.good],
    [declined, "bob", before.declined],
  ] as const) {
    const { steps, ...shown } = await show(`/orders/${orderId}`, user);
    const { steps: stepsBefore, ...shownBefore } = was;
    expect(shown).toEqual(shownBefore);
    const gist = (list: { name: string; status: string; reason: string | null }[]) =>
      list.map(({ name, status, reason }) => ({ name, status, reason }));
    expect(gist(steps)).toEqual(gist(stepsBefore));
    expect((await show("/me/orders", user)).items).toMatchObject([{ orderId }]);
  }
  expect((await show("/me/coupons", "ann")).items).toMatchObject([{ couponId: id, status: "USED" }]);
  expect((await call(`${system.url}/orders/${good}/cancel`, { ...of("ann"), method: "POST" })).body.code).toBe(
    "ORDER_NOT_CANCELLABLE",
  );
});

test("an event of an order that finished long ago starts nothing anew", async () => {
  const mug = await createProduct(system, { stock: 7 });
  const log = followOrders(system);
  const { orderId } = (
    await placeOrder(
      system,
      "dan",
      { items: [{ productId: mug.id, quantity: 2 }], payment: { token: "tok_decline" } },
      "late",
    )
  ).body;
  await until("the order is CANCELLED", async () => (await show(`/orders/${orderId}`, "dan")).status === "CANCELLED");
  await until(
    "its saga rests",
    async () => (await system.sql`SELECT FROM order_sagas WHERE due_at IS NOT NULL`).length === 0,
  );
  const [created] = await log.until(orderId, 1);
  await log.close();
  await keepNothing();
  expect(await system.sql`SELECT FROM order_sagas WHERE order_id = ${orderId}`).toHaveLength(0);

  // The log hands it out once more, and one that comes after it shows that it was read.
  const producer = createBunKafka({ brokers: system.stack.env.KAFKA_BROKERS, clientId: "test" }).producer();
  await producer.sendAll([recordOf(created!)]);
  await producer.close();
  const next = (
    await placeOrder(
      system,
      "dan",
      { items: [{ productId: mug.id, quantity: 1 }], payment: { token: "tok_ok" } },
      "next",
    )
  ).body.orderId;
  await until("the next order is COMPLETED", async () => (await show(`/orders/${next}`, "dan")).status === "COMPLETED");
  expect(await system.sql`SELECT FROM order_sagas WHERE order_id = ${orderId}`).toHaveLength(0);
  expect((await show(`/orders/${orderId}`, "dan")).status).toBe("CANCELLED");
  expect((await system.sql`SELECT stock FROM products WHERE id = ${mug.id}`)[0]!.stock).toBe(6);
  expect(await system.violations()).toEqual([]);
});
