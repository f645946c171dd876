import { afterAll, beforeAll, expect, test } from "bun:test";
import { call, claim } from "../support/client.ts";
import { createProduct, placeOrder } from "../support/orders.ts";
import { promisesKept } from "../support/promises-kept.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { TestSocket } from "../support/socket.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

let server: RedisServer;
let system: System;
beforeAll(async () => {
  server = await startRedis();
  system = await startSystem("redis_full", { redisUrl: server.url, payments: {} });
}, 180_000);
afterAll(async () => {
  await system?.close();
  await server?.remove();
}, 180_000);

const setMaxMemory = (bytes: string) => system.redis.config("SET", "maxmemory", bytes);
const statusOf = async (user: string, orderId: string) =>
  (await call(`${system.url}/orders/${orderId}`, { token: system.token(user) })).body.status;

test("a full Redis refuses claims and orders with 503, loses nothing, and goes on by itself once there is room", async () => {
  const { id } = await system.createSale({ total: 3 });
  const [mug, flash] = [await createProduct(system), await createProduct(system, { flash: true, stock: 5 })];
  const ada = await TestSocket.welcomed(system.url, system.token("ada"));
  const order = (productId: string) => ({ items: [{ productId, quantity: 1 }], payment: { token: "tok_ok" } });

  // What is under way when it becomes full: accepted, and not yet told.
  const won = await until("the sale is open", async () => {
    const answer = await claim(system.url, id, system.token("ada"));
    return answer.status === 202 && answer;
  });
  const placed = await placeOrder(system, "ada", order(mug.id), "first");
  expect(placed.status).toBe(202);
  await setMaxMemory("1");

  const refusedClaim = await claim(system.url, id, system.token("bea"));
  expect(refusedClaim).toMatchObject({ status: 503, body: { code: "OVERLOADED", retryable: true } });
  for (const productId of [mug.id, flash.id]) {
    const refused = await placeOrder(system, "bea", order(productId), `of ${productId}`);
    expect(refused).toMatchObject({ status: 503, body: { code: "OVERLOADED", retryable: true } });
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
  }
  // Who has something still hears of it: reads need no room.
  expect(await claim(system.url, id, system.token("ada"))).toMatchObject({
    status: 200,
    body: { repeat: true, requestId: won.body.requestId },
  });
  expect(await placeOrder(system, "ada", order(mug.id), "first")).toMatchObject({
    status: 202,
    body: { repeat: true, orderId: placed.body.orderId },
  });
  await until(
    "the order is settled all the same",
    async () => (await statusOf("ada", placed.body.orderId)) === "COMPLETED",
  );
  await until("the claim is persisted", async () => {
    const { body } = await call(`${system.url}/coupons/requests/${won.body.requestId}`, { token: system.token("ada") });
    return body.status === "ISSUED";
  });

  await setMaxMemory("0");
  expect((await ada.hears("coupon.issued")).requestId).toBe(won.body.requestId);
  await until("its end is told", () => ada.all("order.status").some(({ status }) => status === "COMPLETED"));
  for (const user of ["bea", "cem"]) expect((await claim(system.url, id, system.token(user))).status).toBe(202);
  expect((await claim(system.url, id, system.token("dan"))).body.code).toBe("SOLD_OUT");
  expect((await placeOrder(system, "bea", order(flash.id), `of ${flash.id}`)).status).toBe(202);
  await promisesKept(system, id, { winners: 3, fault: "Redis full" });
  ada.close();
}, 180_000);
