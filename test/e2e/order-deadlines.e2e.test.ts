import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readBooks } from "../payments/provider-books.ts";
import { call, claim } from "../support/client.ts";
import { complaints } from "../support/order-books.ts";
import { gatherCrowd, type OrderCrowd, orderAll } from "../support/order-crowd.ts";
import { recordsOf } from "../support/order-log.ts";
import { createProduct, placeOrder } from "../support/orders.ts";
import { nothingIsOwed, ordersKept } from "../support/orders-kept.ts";
import type { TestProcess } from "../support/processes.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(180_000);

// What time may do to an order, and what not. The sweeper looks at every order after 300 ms here, and there are two of it.
const SWEEP = { ORDER_SWEEP_MS: "300", SWEEPER_EVERY_MS: "100" };
const AROUND = ["order-sweeper", "delayed-commands", "notify", "order-relay", "admission", "dead-letters"];
const COUPONS = ["coupon-persist", "claim-relay", "sale-loader"];
const STEPS = ["stock", "coupon-usage", "points", "shipping"];

let system: System;
let saga: TestProcess;
let coupons: TestProcess;
let steps: TestProcess;
let payment: TestProcess;
beforeAll(async () => {
  system = await startSystem("order_deadlines", { consumers: false, consumersEnv: SWEEP, payments: {} });
  [saga, coupons, steps, payment] = await Promise.all([
    system.addConsumers(["order-saga"]),
    system.addConsumers(COUPONS),
    system.addConsumers(STEPS),
    system.addConsumers(["payment"]),
    system.addConsumers(AROUND),
    system.addConsumers(["order-sweeper"]),
  ]);
}, 180_000);
afterAll(() => system?.close(), 180_000);

const show = async (orderId: string, user: string) =>
  (await call(`${system.url}/orders/${orderId}`, { token: system.token(user) })).body;
const becomes = (orderId: string, user: string, status: string) =>
  until(`${user}'s order is ${status}`, async () => {
    const order = await show(orderId, user);
    return order.status === status && order;
  });
/** What the sweepers said about the crowd's orders. */
async function spokenOf({ customers }: OrderCrowd): Promise<{ resend: string[]; giveUp: boolean }[]> {
  const ids = new Set(customers.map(({ orderId }) => orderId));
  const events = (await recordsOf(system, ["order-events"])).map(({ value }) =>
    JSON.parse(Buffer.from(value!).toString()),
  );
  return events
    .filter(({ type, aggregateId }) => type === "DeadlinePassed" && ids.has(aggregateId))
    .map(({ data }) => data);
}

test("steps away for ten times the sweeper's pause: no order is cancelled, nothing is asked twice", async () => {
  const crowd = await gatherCrowd(system, { customers: 16, kinds: ["everything", "plain", "by points alone", "far"] });
  await steps.stop();
  await orderAll(system, crowd, { urlFor: () => system.url });
  await until("the sweepers have looked at all of them several times", async () => {
    const [row] = await system.sql<{ n: number }[]>`
      SELECT count(*)::int AS n FROM order_sagas WHERE due_at > created_at + interval '3 seconds'`;
    return row!.n === 16;
  });
  expect(await spokenOf(crowd)).toEqual([]);
  const [row] = await system.sql<{ n: number }[]>`SELECT count(*)::int AS n FROM orders WHERE status <> 'PROCESSING'`;
  expect(row!.n).toBe(0);
  steps = await system.addConsumers(STEPS);
  await ordersKept(system, crowd, { fault: "steps away for ten looks of two sweepers" });
});

test("the payment provider is ill and its breaker open: orders wait, none is cancelled; when it works again, all are paid once", async () => {
  const crowd = await gatherCrowd(system, { customers: 20, kinds: ["everything", "plain"] });
  await system.provider.turn("down");
  await orderAll(system, crowd, { urlFor: () => system.url });
  await until("the breaker is open", async () => {
    return /^stampede_payment_breaker_open 1$/m.test((await call(`${payment.url}/metrics`)).body);
  });
  await until("the sweepers have looked at all of them several times", async () => {
    const [row] = await system.sql<{ n: number }[]>`
      SELECT count(*)::int AS n FROM order_sagas WHERE due_at > created_at + interval '3 seconds' AND status = 'PROCESSING'`;
    return row!.n === 20;
  });
  expect((await spokenOf(crowd)).filter(({ giveUp }) => giveUp)).toEqual([]);
  await system.provider.turn("up");
  await ordersKept(system, crowd, { fault: "payment provider ill, its breaker open" });
});

test("ORDER_SETTLE_S with silent steps: given up once and restored when they are back; a restore overtakes its parked command, a voided card that was charged gets its money", async () => {
  await saga.stop();
  saga = await system.addConsumers(["order-saga"], { ORDER_SETTLE_S: "8" });
  const mug = await createProduct(system, { stock: 10, price: 2_000 });
  const items = [{ productId: mug.id, quantity: 1 }];
  const { id: couponId } = await system.createSale({ total: 5 });

  // Won, and not yet in PostgreSQL: its command is parked.
  await coupons.stop();
  await claim(system.url, couponId, system.token("waits"));
  const waits = await placeOrder(system, "waits", { items, couponId });
  // Charged without an answer, and not known when asked: the provider says nothing definite before the end.
  await payment.stop();
  payment = await system.addConsumers(["payment"], { PAYMENT_RETRY_MS: "60000", PAYMENT_TIMEOUT_MS: "300" });
  const charged = await placeOrder(system, "charged", { items, payment: { token: "tok_late_capture" } });
  await until("the provider was asked", async () => {
    const [row] = await system.sql`SELECT attempts FROM payments WHERE order_id = ${charged.body.orderId}`;
    return row?.attempts === 1;
  });
  await steps.stop();
  const silent = await placeOrder(system, "silent", { items });
  expect([waits.status, charged.status, silent.status]).toEqual([202, 202, 202]);

  expect(await becomes(silent.body.orderId, "silent", "COMPENSATING")).toMatchObject({
    failureReason: "STEP_TIMED_OUT",
  });
  steps = await system.addConsumers(STEPS);
  for (const [user, { body }] of Object.entries({ waits, charged, silent })) {
    const order = await becomes(body.orderId, user, "CANCELLED");
    expect(order).toMatchObject({ failureReason: "STEP_TIMED_OUT" });
  }
  const outcome = async (orderId: string, step: string) =>
    (await system.sql`SELECT outcome FROM step_outcomes WHERE order_id = ${orderId} AND step = ${step}`)[0]?.outcome;
  expect(await outcome(waits.body.orderId, "COUPON")).toBe("TOMBSTONE");
  expect(await outcome(charged.body.orderId, "PAYMENT")).toBe("TOMBSTONE");
  await until("the capture that appeared late is refunded", async () => {
    return (await readBooks(system.provider.url)).get(charged.body.orderId)?.status === "REFUNDED";
  });
  coupons = await system.addConsumers(COUPONS);
  await system.settled(couponId);
  // The coupon is here, its order is gone: it is there for another one.
  await nothingIsOwed(system);
  const next = await placeOrder(system, "waits", { items, couponId });
  await becomes(next.body.orderId, "waits", "COMPLETED");
  await nothingIsOwed(system);
  expect(await complaints(system.sql)).toEqual([]);
  expect({ ...(await system.sql`SELECT stock, reserved FROM products WHERE id = ${mug.id}`)[0]! }).toEqual({
    stock: 9,
    reserved: 1,
  } as never);
});
