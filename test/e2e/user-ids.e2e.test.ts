import { afterAll, beforeAll, expect, test } from "bun:test";
import { call, claim } from "../support/client.ts";
import { createProduct } from "../support/orders.ts";
import { TestSocket } from "../support/socket.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

/** As identity providers make them, and every character that may stand in one. */
const USERS = [
  "auth0|5f7c8ec7c33c6c004bbafe82",
  "o.brien+sale@example.com",
  "a:b,c*d?e[f]#g%h/i&j=k;l<m>n~!$()^`-_@|",
  "*",
  "-",
  "?",
  "|",
  "%7B",
  "__proto__",
  "#".repeat(128),
];

let system: System;
beforeAll(async () => {
  system = await startSystem("user_ids");
}, 180_000);
afterAll(() => system?.close());

const pipeline = (choice: string) =>
  call(`${system.url}/admin/pipeline`, { token: system.operator, method: "PUT", json: { pipeline: choice } });

/** One user's claim, from the door to what they are told. */
async function winsAndHears(user: string, couponId: string): Promise<void> {
  const token = system.token(user);
  const socket = await TestSocket.welcomed(system.url, token);
  const won = await claim(system.url, couponId, token);
  expect([user, won.status]).toEqual([user, 202]);
  const { requestId } = won.body;
  // Of an earlier sale there may be news, too.
  await until(`${user} hears of the win`, () => socket.all("coupon.issued").some((one) => one.requestId === requestId));
  const status = await call(`${system.url}/coupons/requests/${requestId}`, { token });
  expect(status).toMatchObject({ status: 200, body: { status: "ISSUED" } });
  const again = await claim(system.url, couponId, token);
  expect(again).toMatchObject({ status: 200, body: { requestId, repeat: true } });
  socket.close();
}

test("a user with any id of an identity provider wins by every way, is told, and finds the win again", async () => {
  const ways = [
    ["DIRECT", "kafka"],
    ["DIRECT", "redis"],
    ["QUEUED", "kafka"],
  ] as const;
  for (const [issueMode, choice] of ways) {
    expect((await pipeline(choice)).status).toBe(200);
    const { id } = await system.createSale({ total: USERS.length, issueMode });
    await Promise.all(USERS.map((user) => winsAndHears(user, id)));
    await system.settled(id);
  }
  expect(await system.violations()).toEqual([]);
  const owners = await system.sql`SELECT user_id, count(*)::int AS coupons FROM user_coupons GROUP BY 1 ORDER BY 1`;
  expect(owners.map((row) => [row.user_id, row.coupons])).toEqual([...USERS].sort().map((user) => [user, 3]));
  await pipeline("kafka");
}, 120_000);

async function ordersAndIsFound(user: string, productId: string, couponId: string): Promise<void> {
  const token = system.token(user);
  const granted = await call(`${system.url}/admin/points/grants`, {
    token: system.operator,
    json: { userId: user, amount: 5, reason: "Welcome" },
  });
  expect(granted).toMatchObject({ status: 201, body: { userId: user, balance: 5 } });
  const placed = await call(`${system.url}/orders`, {
    token,
    json: { items: [{ productId, quantity: 1 }] },
    headers: { "idempotency-key": "once" },
  });
  expect(placed.status).toBe(202);
  await until("the order is completed", async () => {
    return (await call(`${system.url}/orders/${placed.body.orderId}`, { token })).body.status === "COMPLETED";
  });
  const found = await call(`${system.url}/admin/orders?userId=${encodeURIComponent(user)}`, { token: system.operator });
  expect(found.body.items.map((order: { userId: string }) => order.userId)).toEqual([user]);
  const { requestId } = (await claim(system.url, couponId, token)).body;
  const revoked = await call(`${system.url}/admin/coupons/${couponId}/revoke`, {
    token: system.operator,
    json: { requestId, why: "a test" },
  });
  expect(revoked).toMatchObject({ status: 200, body: { userId: user, released: true } });
}

test("they are given points, order, are found by operators, and their coupon can be taken back", async () => {
  const product = await createProduct(system, { price: 0, stock: 100 });
  const { id } = await system.createSale({ total: USERS.length });
  await Promise.all(USERS.map((user) => ordersAndIsFound(user, product.id, id)));
  expect(await system.violations()).toEqual([]);
}, 120_000);

test("an id with a space, a brace, a quote or a backslash still belongs to no user", async () => {
  for (const user of ["a b", "a{b", "a}b", 'a"b', "a'b", "a\\b", "é", "", "x".repeat(129)]) {
    expect(await call(`${system.url}/me/coupons`, { token: system.token(user) })).toMatchObject({ status: 401 });
  }
});
