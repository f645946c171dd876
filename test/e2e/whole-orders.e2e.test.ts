import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { call, claim } from "../support/client.ts";
import { complaints } from "../support/order-books.ts";
import { gatherCrowd, KIND_NAMES, orderAll } from "../support/order-crowd.ts";
import { createProduct, placeOrder } from "../support/orders.ts";
import { nothingIsOwed, ordersKept } from "../support/orders-kept.ts";
import { TestSocket } from "../support/socket.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(180_000);

// Whole orders: from the door through every role to the owner's socket, as in production.
let system: System;
beforeAll(async () => {
  system = await startSystem("whole_orders", { payments: {} });
}, 180_000);
afterAll(() => system?.close(), 180_000);

const show = async (orderId: string, user: string) =>
  (await call(`${system.url}/orders/${orderId}`, { token: system.token(user) })).body;

test("coupon, points, payment, parcel: COMPLETED on the socket and at GET, each step with its time, every book right", async () => {
  const mug = await createProduct(system, { stock: 10, price: 2_000 });
  const { id: couponId } = await system.createSale({ total: 1 });
  await claim(system.url, couponId, system.token("ann"));
  await system.settled(couponId);
  await call(`${system.url}/admin/points/grants`, {
    token: system.operator,
    json: { userId: "ann", amount: 700, reason: "gift" },
  });
  const socket = await TestSocket.welcomed(system.url, system.token("ann"));
  const placed = await placeOrder(system, "ann", {
    items: [{ productId: mug.id, quantity: 2 }],
    couponId,
    pointsToUse: 500,
    payment: { token: "tok_ok" },
    shipping: { country: "FR" },
  });
  expect(placed.status).toBe(202);
  const { orderId, orderNumber } = placed.body;
  expect(await socket.hears("order.status")).toMatchObject({ orderId, orderNumber, status: "COMPLETED" });
  const order = await show(orderId, "ann");
  expect(order).toMatchObject({
    status: "COMPLETED",
    totalAmount: 4_000,
    discountAmount: 100,
    pointsUsed: 500,
    payableAmount: 3_400,
  });
  for (const { name, ...step } of order.steps) {
    expect({ name, ...step }).toEqual({
      name,
      status: "COMPLETED",
      requestedAt: expect.any(String),
      completedAt: expect.any(String),
      restoredAt: null,
      reason: null,
    });
  }
  expect((await call(`${system.url}/me/coupons`, { token: system.token("ann") })).body.items).toMatchObject([
    { couponId, status: "USED" },
  ]);
  expect((await call(`${system.url}/me/points`, { token: system.token("ann") })).body.balance).toBe(200);
  expect((await call(`${system.url}/products`)).body.items.find(({ id }: { id: string }) => id === mug.id).stock).toBe(
    8,
  );
  await until("it is in the ranking", async () => {
    const { body } = await call(`${system.url}/products/ranking`);
    return body.items.some((item: { productId: string }) => item.productId === mug.id);
  });
  socket.close();
  expect(await complaints(system.sql)).toEqual([]);
});

test("every kind of order ends as it must, and its owner hears it; what many wanted is sold to the last piece", async () => {
  const crowd = await gatherCrowd(system, { customers: KIND_NAMES.length * 8, scarce: 5, tickets: 5 });
  await orderAll(system, crowd, { urlFor: () => system.url });
  await ordersKept(system, crowd, { scarce: 5, tickets: 5, fault: "none, every kind of order" });
});

test("an order from the cart takes its lines along, and brings them back when it is refused", async () => {
  const mug = await createProduct(system, { stock: 10, price: 2_000 });
  const token = system.token("carter");
  const put = (quantity: number) =>
    call(`${system.url}/cart/items`, { method: "PUT", token, json: { productId: mug.id, quantity } });
  const cart = async () =>
    (await call(`${system.url}/cart/items`, { token })).body.items.map(
      ({ quantity }: { quantity: number }) => quantity,
    );
  const socket = await TestSocket.welcomed(system.url, token);
  await put(3);
  const refused = await placeOrder(system, "carter", {
    from: "cart",
    shipping: { country: "DE", postalCode: "REFUSE" },
  });
  expect(refused.status).toBe(202);
  await until("it is cancelled", () => socket.all("order.status").some(({ status }) => status === "CANCELLED"));
  expect(await cart()).toEqual([3]);
  const good = await placeOrder(system, "carter", { from: "cart" });
  await until("it is completed", () => socket.all("order.status").some(({ status }) => status === "COMPLETED"));
  expect(await cart()).toEqual([]);
  expect((await show(good.body.orderId, "carter")).items).toMatchObject([{ productId: mug.id, quantity: 3 }]);
  socket.close();
  await nothingIsOwed(system);
  expect(await complaints(system.sql)).toEqual([]);
});

test("two orders with one coupon at once: one has it, the other is cancelled for that and has its points back", async () => {
  const mug = await createProduct(system, { stock: 10, price: 2_000 });
  const { id: couponId } = await system.createSale({ total: 1 });
  await claim(system.url, couponId, system.token("twice"));
  await system.settled(couponId);
  await call(`${system.url}/admin/points/grants`, {
    token: system.operator,
    json: { userId: "twice", amount: 1_000, reason: "gift" },
  });
  const json = { items: [{ productId: mug.id, quantity: 1 }], couponId, pointsToUse: 500 };
  // The coupon is not used before the second one is accepted too; the door would refuse it then.
  for (const one of system.consumers) one.kill("SIGSTOP");
  const both = await Promise.all([placeOrder(system, "twice", json, "a"), placeOrder(system, "twice", json, "b")]);
  for (const one of system.consumers) one.kill("SIGCONT");
  expect(both.map(({ status }) => status)).toEqual([202, 202]);
  await nothingIsOwed(system);
  const ends = await Promise.all(both.map(({ body }) => show(body.orderId, "twice")));
  expect(ends.map(({ failureReason = "COMPLETED" }) => failureReason).sort()).toEqual([
    "COMPLETED",
    "COUPON_ALREADY_USED",
  ]);
  expect((await call(`${system.url}/me/points`, { token: system.token("twice") })).body.balance).toBe(500);
  expect(await complaints(system.sql)).toEqual([]);
});
