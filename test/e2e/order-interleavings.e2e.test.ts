import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { orderIdOf } from "../../contracts/orders/ids.ts";
import { canonicalOrder } from "../../contracts/orders/request.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import { createBunKafka } from "../../kafka/bun/kafka.ts";
import { ADMISSION_KEYS } from "../../lua/keys.ts";
import { call, claim } from "../support/client.ts";
import { complaints } from "../support/order-books.ts";
import { inTurns } from "../support/order-crowd.ts";
import { recordsOf } from "../support/order-log.ts";
import { createProduct, placeOrder } from "../support/orders.ts";
import { logIsRead, nothingIsOwed } from "../support/orders-kept.ts";
import { named } from "../support/rush.ts";
import { TestSocket } from "../support/socket.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(180_000);

// Orders of events that are rare and must not matter, through the whole path. Proven elsewhere:
// - a restore that overtakes its command; a payment that times out, is voided and was captured: order-deadlines.e2e
// - two consumers with results of one order in opposite order: consumers/order-saga.int
// - the settling transaction committed, and the process killed before it produced: fault/orders-killed, order-saga-killed
let system: System;
beforeAll(async () => {
  // What lies in the ledger alone lies there for long enough that something else can come first.
  system = await startSystem("order_interleavings", { consumersEnv: { LEDGER_AGE_MS: "6000" }, payments: {} });
}, 180_000);
afterAll(() => system?.close(), 180_000);

const show = async (orderId: string, user: string) =>
  (await call(`${system.url}/orders/${orderId}`, { token: system.token(user) })).body;
const ended = (orderId: string, user: string) =>
  until(`${user}'s order ends`, async () => {
    const order = await show(orderId, user);
    return (order.status === "COMPLETED" || order.status === "CANCELLED") && order;
  });
const stockOf = async (id: string) =>
  ({ ...(await system.sql`SELECT stock, reserved FROM products WHERE id = ${id}`)[0]! }) as Record<string, number>;

test("cancelled before any process but the gateway knew of it: no step is asked, the owner hears why, admission comes back", async () => {
  const ticket = await createProduct(system, { stock: 1, flash: true });
  await until(
    "its admission is loaded",
    async () => (await system.redis.hget(ADMISSION_KEYS.stock, ticket.id)) === "1",
  );
  const body = { items: [{ productId: ticket.id, quantity: 1 }] };
  const doomed = await system.addGateway({ FAULT_POINT: "order:placed" });
  const token = system.token("hasty");
  const headers = { "idempotency-key": "k" };
  await call(`${doomed.url}/orders`, { token, json: body, headers }).catch(() => null);
  await doomed.exited;
  const orderId = orderIdOf("hasty" as UserId, "k", canonicalOrder(body as never));
  // It lies in the ledger alone; the request to cancel it is in the log first.
  const cancel = await call(`${system.url}/orders/${orderId}/cancel`, { method: "POST", token });
  expect(cancel).toMatchObject({ status: 202, body: { orderId, status: "PENDING" } });
  const socket = await TestSocket.welcomed(system.url, token);
  const end = await socket.hears("order.status");
  expect(end).toMatchObject({ orderId, status: "CANCELLED", reason: "CANCELLED_BY_USER" });
  socket.close();
  const order = await show(orderId, "hasty");
  expect(order).toMatchObject({ status: "CANCELLED", failureReason: "CANCELLED_BY_USER" });
  expect(new Set(order.steps.map(({ requestedAt }: { requestedAt: string | null }) => requestedAt))).toEqual(
    new Set([null]),
  );
  await until("the next one is admitted", async () => (await placeOrder(system, "next", body, "k")).status === 202);
  await nothingIsOwed(system);
  expect(await stockOf(ticket.id)).toEqual({ stock: 0, reserved: 1 });
});

test("a coupon that was won a moment ago: claim and order in one breath, all completed with the discount", async () => {
  const mug = await createProduct(system, { stock: 1_000, price: 2_000 });
  const { id: couponId } = await system.createSale({ total: 40 });
  const users = named("breathless", 40);
  const orders: string[] = [];
  await inTurns(users, 40, async (user, i) => {
    expect((await claim(system.url, couponId, system.token(user))).status).toBe(202);
    const { status, body } = await placeOrder(system, user, { items: [{ productId: mug.id, quantity: 1 }], couponId });
    expect({ user, status, code: body.code }).toEqual({ user, status: 202, code: undefined });
    orders[i] = body.orderId;
  });
  for (const [i, user] of users.entries()) {
    expect(await ended(orders[i]!, user)).toMatchObject({
      status: "COMPLETED",
      discountAmount: 100,
      payableAmount: 1_900,
    });
  }
  await nothingIsOwed(system);
  const [row] = await system.sql<{ used: number }[]>`
    SELECT count(*)::int AS used FROM user_coupons WHERE coupon_id = ${couponId} AND status = 'USED'`;
  expect(row!.used).toBe(40);
  expect(await complaints(system.sql)).toEqual([]);
});

test("a refused command comes again after stock came back: refused it stays, and what came back is there for others", async () => {
  const last = await createProduct(system, { stock: 1 });
  const wish = { items: [{ productId: last.id, quantity: 2 }] };
  const refused = await placeOrder(system, "early", wish);
  const { orderId } = refused.body;
  expect(await ended(orderId, "early")).toMatchObject({ status: "CANCELLED", failureReason: "INSUFFICIENT_STOCK" });
  const restock = await call(`${system.url}/admin/products/${last.id}/restock`, {
    token: system.operator,
    json: { quantity: 1 },
  });
  expect(restock.status).toBeLessThan(300);
  const records = await recordsOf(system, ["stock-events", "order-events", "order-processing-results"]);
  const its = records.filter(({ value }) => Buffer.from(value!).includes(orderId));
  expect(its.length).toBeGreaterThanOrEqual(3); // created, asked, refused
  const producer = createBunKafka({ brokers: system.stack.env.KAFKA_BROKERS, clientId: "test" }).producer();
  await producer.sendAll(its.map(({ topic, key, value, headers }) => ({ topic, key, value, headers })));
  await producer.close();
  await logIsRead(system);
  expect(await show(orderId, "early")).toMatchObject({ status: "CANCELLED", failureReason: "INSUFFICIENT_STOCK" });
  expect(await stockOf(last.id)).toEqual({ stock: 2, reserved: 0 });
  const late = await placeOrder(system, "late", wish);
  expect(await ended(late.body.orderId, "late")).toMatchObject({ status: "COMPLETED" });
  await nothingIsOwed(system);
  expect(await complaints(system.sql)).toEqual([]);
});
