import { afterAll, beforeAll, expect, test } from "bun:test";
import { call, claim } from "../support/client.ts";
import { createProduct } from "../support/orders.ts";
import { promisesKept } from "../support/promises-kept.ts";
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

test("whoever an identity provider names wins by every way, is told, and finds the win again", async () => {
  const ways = [
    ["DIRECT", "kafka"],
    ["DIRECT", "redis"],
    ["QUEUED", "kafka"],
  ] as const;
  for (const [issueMode, choice] of ways) {
    expect((await pipeline(choice)).status).toBe(200);
    const { id } = await system.createSale({ total: USERS.length, issueMode });
    for (const user of USERS) {
      const token = system.token(user);
      const socket = await TestSocket.welcomed(system.url, token);
      const won = await claim(system.url, id, token);
      expect([user, won.status]).toEqual([user, 202]);
      const { requestId } = won.body;
      // Of an earlier sale there may be news, too.
      const issued = await until("it hears of the win", () =>
        socket.all("coupon.issued").find((message) => message.requestId === requestId),
      );
      expect(issued).toMatchObject({ couponId: id });
      const status = await call(`${system.url}/coupons/requests/${requestId}`, { token });
      expect(status).toMatchObject({ status: 200, body: { status: "ISSUED" } });
      const again = await claim(system.url, id, token);
      expect(again).toMatchObject({ status: 200, body: { requestId, repeat: true } });
      socket.close();
    }
    await promisesKept(system, id, { winners: USERS.length });
  }
  const owners = await system.sql`SELECT DISTINCT user_id FROM user_coupons ORDER BY 1`;
  expect(owners.map((row) => row.user_id)).toEqual([...USERS].sort());
  await pipeline("kafka");
}, 120_000);

test("they are given points, order with their coupon, are found by operators, and can be taken back", async () => {
  const product = await createProduct(system, { price: 0, stock: 100 });
  const { id } = await system.createSale({ total: USERS.length });
  for (const user of USERS) {
    const token = system.token(user);
    const granted = await call(`${system.url}/admin/points/grants`, {
      token: system.operator,
      json: { userId: user, amount: 5, reason: "Welcome" },
    });
    expect(granted).toMatchObject({ status: 201, body: { userId: user, balance: 5 } });
    const placed = await call(`${system.url}/orders`, {
      token,
      json: { items: [{ productId: product.id, quantity: 1 }] },
      headers: { "idempotency-key": "once" },
    });
    expect(placed.status).toBe(202);
    await until("the order is completed", async () => {
      return (await call(`${system.url}/orders/${placed.body.orderId}`, { token })).body.status === "COMPLETED";
    });
    const found = await call(`${system.url}/admin/orders?userId=${encodeURIComponent(user)}`, {
      token: system.operator,
    });
    expect(found.body.items.map((order: { userId: string }) => order.userId)).toEqual([user]);
    const { requestId } = (await claim(system.url, id, token)).body;
    const revoked = await call(`${system.url}/admin/coupons/${id}/revoke`, {
      token: system.operator,
      json: { requestId, why: "a test" },
    });
    expect(revoked).toMatchObject({ status: 200, body: { userId: user, released: true } });
  }
  expect(await system.violations()).toEqual([]);
}, 120_000);

test("an id with a space, a brace, a quote or a backslash is still nobody's", async () => {
  for (const user of ["a b", "a{b", "a}b", 'a"b', "a'b", "a\\b", "é", "", "x".repeat(129)]) {
    expect(await call(`${system.url}/me/coupons`, { token: system.token(user) })).toMatchObject({ status: 401 });
  }
});
