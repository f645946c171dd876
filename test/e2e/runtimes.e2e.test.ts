import { afterAll, beforeAll, expect, test } from "bun:test";
import { call, claim } from "../support/client.ts";
import { createProduct } from "../support/orders.ts";
import type { TestProcess } from "../support/processes.ts";
import { promisesKept } from "../support/promises-kept.ts";
import { lastWords, named, rush } from "../support/rush.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

const ON_NODE = { STAMPEDE_TEST_RUNTIME: "node" };
const ON_BUN = { STAMPEDE_TEST_RUNTIME: "bun" };
const CLAIMS = "coupon-issue-requests";

let system: System;
beforeAll(async () => {
  system = await startSystem("runtimes", { gatewayEnv: ON_BUN, consumersEnv: ON_BUN });
  await Promise.all([system.addGateway(ON_NODE), system.addConsumers([], ON_NODE)]);
}, 180_000);
afterAll(() => system?.close());

/** Partitions of the claims' topic that a consumers process holds, by its own log. */
function held(consumers: TestProcess): string[] {
  const mine = new Set<string>();
  for (const line of consumers.output().split("\n")) {
    const change = /"msg":"partitions (assigned|revoked)"/.exec(line)?.[1];
    if (change === undefined) continue;
    for (const name of (JSON.parse(line).partitions as string[]).filter((name) => name.startsWith(`${CLAIMS}/`))) {
      if (change === "assigned") mine.add(name);
      else mine.delete(name);
    }
  }
  return [...mine].sort();
}

test("consumers on Bun and on Node share one group: every partition has one owner, and both own some", async () => {
  await until("the partitions are shared", () => {
    const [bun, node] = system.consumers.map(held);
    return bun!.length === 3 && node!.length === 3 && new Set([...bun!, ...node!]).size === 6;
  });
});

test("200 users on a gateway of each kind get exactly 50 coupons, each persisted once", async () => {
  const { id } = await system.createSale({ total: 50 });
  const gatewayFor = (user: number) => system.gateways[user % 2]!.url;
  const stories = await rush({ couponId: id, users: named("mixed", 200), gatewayFor, token: system.token });
  expect(lastWords(stories)).toEqual({ 202: 50, SOLD_OUT: 150 });
  // No user won at both, and a winner who asks the other kind of gateway gets the same win again.
  const winner = stories.findIndex(({ answers }) => answers.at(-1)!.status === 202);
  const { requestId, slot } = stories[winner]!.answers.at(-1)!.body;
  const other = await claim(gatewayFor(winner + 1), id, system.token(`mixed-${winner}`));
  expect(other).toMatchObject({ status: 200, body: { requestId, slot, repeat: true } });
  await promisesKept(system, id, { winners: 50 });
}, 180_000);

test("an order is placed, followed and listed at a gateway on Node as at one on Bun", async () => {
  const product = await createProduct(system, { price: 0, stock: 10 }); // nothing to pay: no provider is needed
  for (const [i, { url }] of system.gateways.entries()) {
    const token = system.token(`buyer-${i}`);
    const placed = await call(`${url}/orders`, { token, json: { items: [{ productId: product.id, quantity: 2 }] } });
    expect(placed.status).toBe(202);
    const { orderId } = placed.body;
    await until("it is completed", async () => {
      return (await call(`${url}/orders/${orderId}`, { token })).body.status === "COMPLETED";
    });
    expect((await call(`${url}/me/orders`, { token })).body).toMatchObject({
      items: [{ orderId, status: "COMPLETED", items: [{ productId: product.id, quantity: 2, unitPrice: 0 }] }],
      nextCursor: null,
    });
  }
}, 180_000);

test("when the consumers on Bun are gone, those on Node persist alone, and the other way round", async () => {
  const [bun, node] = system.consumers;
  await bun!.stop();
  await until("Node has all partitions", () => held(node!).length === 6);
  const first = await system.createSale({ total: 20 });
  const gatewayFor = (user: number) => system.gateways[user % 2]!.url;
  await rush({ couponId: first.id, users: named("alone", 40), gatewayFor, token: system.token });
  await promisesKept(system, first.id, { winners: 20 });

  const again = await system.addConsumers([], ON_BUN);
  await node!.stop();
  await until("Bun has all partitions", () => held(again).length === 6);
  const second = await system.createSale({ total: 20 });
  await rush({ couponId: second.id, users: named("back", 40), gatewayFor, token: system.token });
  await promisesKept(system, second.id, { winners: 20 });
}, 180_000);
