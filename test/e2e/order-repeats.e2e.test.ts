import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { OrderId } from "../../contracts/orders/ids.ts";
import type { Product } from "../../contracts/shop/http-catalogue.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import { orderBucket, pendingOrderKey, placedKey } from "../../lua/keys.ts";
import { KEY_LINGERS_S, orderLedgerLengths } from "../../lua/order-ledger.ts";
import { call } from "../support/client.ts";
import { complaints } from "../support/order-books.ts";
import { createProduct, placeOrder } from "../support/orders.ts";
import { nothingIsOwed } from "../support/orders-kept.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(180_000);

let system: System;
let mug: Product;
beforeAll(async () => {
  system = await startSystem("order_repeats", { payments: {} });
  mug = await createProduct(system, { stock: 1_000, price: 2_000 });
}, 180_000);
afterAll(() => system?.close(), 180_000);

const show = async (orderId: string, user: string) =>
  (await call(`${system.url}/orders/${orderId}`, { token: system.token(user) })).body;
const settled = (orderId: string, user: string, status: string) =>
  until(`${user}'s order is ${status}`, async () => (await show(orderId, user)).status === status);
const hasLeftRedis = ({ orderId }: { orderId: string }, user: string) =>
  until("Redis has handed the order over", async () => {
    const bucket = orderBucket(user as UserId);
    return (await system.redis.exists(pendingOrderKey(bucket, orderId as OrderId))) === 0;
  });
const ordersOf = async (user: string) =>
  (await system.sql`SELECT id, status FROM orders WHERE user_id = ${user}`).map(({ id, status }) => ({ id, status }));

/** What Redis may have forgotten of a key. */
const FORGETTING: readonly (readonly [what: string, forget: (user: string) => Promise<unknown>])[] = [
  ["nothing", async () => {}],
  ["the key", (user) => system.redis.del(placedKey(user as UserId, "k"))],
  ["everything", () => system.redis.flushall()],
];

test.each(FORGETTING)(
  "Redis forgot %s: the same key and body are the same order with its true status, another body is 422 and no order",
  async (what, forget) => {
    const [user, sad] = [`happy ${what}`, `sad ${what}`].map((name) => name.replaceAll(" ", "-")) as [string, string];
    const json = { items: [{ productId: mug.id, quantity: 1 }] };
    const declined = { ...json, payment: { token: "tok_decline" } };
    const [{ body: good }, { body: bad }] = await Promise.all([
      placeOrder(system, user, json, "k"),
      placeOrder(system, sad, declined, "k"),
    ]);
    await settled(good.orderId, user, "COMPLETED");
    await settled(bad.orderId, sad, "CANCELLED");
    await Promise.all([hasLeftRedis(good, user), hasLeftRedis(bad, sad)]);
    expect(await system.redis.ttl(placedKey(user as UserId, "k"))).toBeLessThanOrEqual(KEY_LINGERS_S);
    await Promise.all([forget(user), forget(sad)]);
    const { orderId, orderNumber } = good;
    const again = await placeOrder(system, user, json, "k");
    expect(again).toMatchObject({ status: 202, body: { orderId, orderNumber, status: "COMPLETED", repeat: true } });
    expect(again.body.estimatedProcessingTime).toBe(0);
    expect((await placeOrder(system, sad, declined, "k")).body).toMatchObject({
      orderId: bad.orderId,
      status: "CANCELLED",
    });
    const other = await placeOrder(system, user, { items: [{ productId: mug.id, quantity: 2 }] }, "k");
    expect(other).toMatchObject({ status: 422, body: { code: "IDEMPOTENCY_KEY_REUSED" } });
    await until("nothing waits", async () => (await orderLedgerLengths(system.redis)).every((length) => length === 0));
    expect(await ordersOf(user)).toEqual([{ id: orderId, status: "COMPLETED" }]);
  },
);

test("what is estimated is what the saga measured", async () => {
  await until("orders tell how long they take", async () => {
    const { body } = await placeOrder(system, "timer", { items: [{ productId: mug.id, quantity: 1 }] });
    await settled(body.orderId, "timer", "COMPLETED");
    return (await system.redis.exists("orders:settle-times")) === 1;
  });
  await system.redis.set("orders:settle-times", JSON.stringify({ settledPerS: 1, p50Ms: 1, p95Ms: 41_001 }), "EX", 60);
  await until("the door says so", async () => {
    // Meanwhile nothing settles that would be measured again.
    const { body } = await placeOrder(system, "timer", {
      items: [{ productId: mug.id, quantity: 1 }],
      payment: { token: "tok_slow" },
    });
    await system.redis.set(
      "orders:settle-times",
      JSON.stringify({ settledPerS: 1, p50Ms: 1, p95Ms: 41_001 }),
      "EX",
      60,
    );
    return body.estimatedProcessingTime === 42;
  });
});

test("a cancelled order puts back what it took out of the cart, and nothing else", async () => {
  const plate = await createProduct(system, { name: "Plate", stock: 10, price: 700 });
  const token = system.token("carla");
  const put = (productId: string, quantity: number) =>
    call(`${system.url}/cart/items`, { method: "PUT", token, json: { productId, quantity } });
  const cart = async () => {
    const lines = await system.sql`SELECT product_id, quantity FROM cart_items WHERE user_id = 'carla'`;
    return Object.fromEntries(
      lines.map(({ product_id, quantity }) => [product_id === mug.id ? "mug" : "plate", quantity]),
    );
  };
  await put(mug.id, 2);
  await put(plate.id, 1);
  // The cart is held, so the order is priced and accepted, and waits for the cart.
  const order = await system.sql.begin(async (tx) => {
    await tx`SELECT 1 FROM carts WHERE user_id = 'carla' FOR UPDATE`;
    const { body } = await placeOrder(system, "carla", {
      from: "cart",
      shipping: { country: "DE", postalCode: "REFUSE" },
    });
    await tx`UPDATE cart_items SET quantity = 5 WHERE user_id = 'carla' AND product_id = ${mug.id}`; // a newer wish
    return body;
  });
  await until("the order is inserted", async () => (await ordersOf("carla")).length === 1);
  expect((await cart()).mug).toBe(5);
  await call(`${system.url}/cart/items/${mug.id}`, { method: "DELETE", token });
  await settled(order.orderId, "carla", "CANCELLED");
  // The mugs left the cart by their owner's wish, not by this order.
  expect(await cart()).toEqual({ plate: 1 });
});

test("the books are right after all of it", async () => {
  await nothingIsOwed(system);
  expect(await complaints(system.sql)).toEqual([]);
});
