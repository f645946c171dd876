import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type ApiAnswer, call, claim } from "../support/client.ts";
import { createProduct, placeOrder } from "../support/orders.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(180_000);

let system: System;
beforeAll(async () => {
  system = await startSystem("edits", { gateways: 2, payments: {}, gatewayEnv: { USER_RATE_BURST: "1000" } });
}, 180_000);
afterAll(() => system?.close());

const HOUR_MS = 3_600_000;
const inMs = (ms: number) => new Date(Date.now() + ms).toISOString();
const code = ({ status, body }: ApiAnswer) => ({ status, code: body.code });
let users = 0;
const nextToken = () => system.token(`user-${users++}`);
/** PATCH at one gateway; what follows is asked at the other one. */
const patch = (path: string, json: unknown, token = system.operator): Promise<ApiAnswer> =>
  call(system.gateways[0]!.url + path, { method: "PATCH", token, json });
const other = () => system.gateways[1]!.url;

/** Claims at both gateways for a while, each with the moments between which Redis decided it. */
async function claimUntil(couponId: string, moment: number) {
  const shots: Promise<{ sentAt: number; heardAt: number; answer: ApiAnswer }>[] = [];
  for (let i = 0; Date.now() < moment + 150; i++) {
    const sentAt = Date.now();
    const shot = claim(system.gateways[i % 2]!.url, couponId, nextToken());
    shots.push(shot.then((answer) => ({ sentAt, heardAt: Date.now(), answer })));
    await Bun.sleep(5);
  }
  return Promise.all(shots);
}

test("a sale that is shortened ends at its new end on every gateway, and one that is prolonged goes on", async () => {
  const { id } = await system.createSale({ total: 10_000 });
  const endsAt = inMs(2_500);
  const edited = await patch(`/admin/coupons/${id}`, { endsAt, name: "Nearly over" });
  expect(edited).toMatchObject({ status: 200, body: { id, endsAt, name: "Nearly over", state: "OPEN" } });
  const end = Date.parse(endsAt);
  const shots = await claimUntil(id, end);
  const before = shots.filter(({ heardAt }) => heardAt < end);
  const after = shots.filter(({ sentAt }) => sentAt >= end);
  expect(Math.min(before.length, after.length)).toBeGreaterThan(3);
  expect(new Set(before.map(({ answer }) => answer.status))).toEqual(new Set([202]));
  expect(new Set(after.map(({ answer }) => answer.body.code))).toEqual(new Set(["ENDED"]));
  expect(await patch(`/admin/coupons/${id}`, { endsAt: inMs(HOUR_MS) })).toMatchObject({ body: { state: "OPEN" } });
  for (const { url } of system.gateways) expect(await claim(url, id, nextToken())).toMatchObject({ status: 202 });
  await system.settled(id);
  expect(await system.violations()).toEqual([]);
});

test("a queued sale follows its end, too", async () => {
  const { id } = await system.createSale({ total: 100, issueMode: "QUEUED" });
  expect(await claim(other(), id, nextToken())).toMatchObject({ status: 202 });
  const endsAt = inMs(1_500);
  expect((await patch(`/admin/coupons/${id}`, { endsAt })).status).toBe(200);
  await until("the other gateway says that it has ended", async () => {
    const { body } = await claim(other(), id, nextToken());
    return body.code === "ENDED";
  });
  expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(endsAt));
  expect((await patch(`/admin/coupons/${id}`, { endsAt: inMs(HOUR_MS) })).status).toBe(200);
  await until(
    "the other gateway takes claims again",
    async () => (await claim(other(), id, nextToken())).status === 202,
  );
  await system.settled(id);
  expect(await system.violations()).toEqual([]);
});

test("an unlisted sale is in no public list, and is read and claimed by its id", async () => {
  const { id } = await system.createSale({ total: 10 });
  const isIn = async (url: string, path: string, token?: string) => {
    const { body } = await call(`${url}${path}?limit=200`, token === undefined ? {} : { token });
    return body.items.some((item: { id: string }) => item.id === id);
  };
  const everywhere = (listed: boolean) =>
    until(`listed: ${listed}`, async () => {
      const seen = await Promise.all(system.gateways.map(({ url }) => isIn(url, "/coupons")));
      return seen.every((one) => one === listed);
    });
  await everywhere(true);
  const metadata = { campaign: "press only", priority: 2, isTest: false, none: null };
  const edited = await patch(`/admin/coupons/${id}`, { visibility: "UNLISTED", metadata });
  expect(edited).toMatchObject({ status: 200, body: { visibility: "UNLISTED", metadata } });
  await everywhere(false);
  expect(await isIn(other(), "/admin/coupons", system.operator)).toBe(true);
  await until("the other gateway shows it by its id", async () => {
    const { status, body } = await call(`${other()}/coupons/${id}`);
    return status === 200 && body.metadata.campaign === metadata.campaign;
  });
  expect(await claim(other(), id, nextToken())).toMatchObject({ status: 202 });
  await patch(`/admin/coupons/${id}`, { visibility: "LISTED", metadata: {} });
  await everywhere(true);
});

test("an edit that makes no sense, or comes too late, is refused with its reason, and so is a caller who is no seller", async () => {
  const { id, endsAt } = await system.createSale({ total: 3 });
  const invalid = { status: 400, code: "VALIDATION_FAILED" };
  const tooMany = Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, i]));
  for (const json of [
    {},
    { total: 5 },
    { startsAt: inMs(0) },
    { name: "" },
    { name: null },
    { endsAt: "soon" },
    { endsAt: inMs(-2 * HOUR_MS * 24) },
    { visibility: "HIDDEN" },
    { metadata: [] },
    { metadata: { "a b": 1 } },
    { metadata: { a: { b: 1 } } },
    { metadata: { a: "x".repeat(201) } },
    { metadata: { a: "\u0000" } },
    { metadata: tooMany },
    { validUntil: inMs(1_000) },
  ]) {
    expect({ json, ...code(await patch(`/admin/coupons/${id}`, json)) }).toEqual({ json, ...invalid });
  }
  const late = { status: 409, code: "CONFLICT" };
  expect(code(await patch(`/admin/coupons/${id}`, { endsAt: inMs(-10) }))).toEqual(late);
  expect(code(await patch(`/admin/coupons/${id}`, { validUntil: inMs(9 * HOUR_MS * 24) }))).toEqual(late);
  for (const unknown of ["0".repeat(12), "-1", "%00"]) {
    expect(code(await patch(`/admin/coupons/${unknown}`, { name: "x" }))).toEqual({
      status: 404,
      code: "COUPON_NOT_FOUND",
    });
  }
  expect((await patch(`/admin/coupons/${id}`, { name: "x" }, system.token("mallory"))).status).toBe(403);
  expect((await call(`${system.url}/coupons/${id}`)).body).toMatchObject({ endsAt, name: expect.any(String) });
  const lines = await system.sql`SELECT 1 FROM audit_log WHERE target = ${id} AND action = 'sale.edited'`;
  expect(lines).toHaveLength(0);
});

test("a new price holds for the next order at every gateway; a placed order keeps its own", async () => {
  const mug = await createProduct(system, { price: 1_000, stock: 100 });
  const order = (url: string, user: string) =>
    call(`${url}/orders`, { token: system.token(user), json: { items: [{ productId: mug.id, quantity: 2 }] } });
  const amountOf = async (orderId: string, user: string) =>
    (await call(`${system.url}/orders/${orderId}`, { token: system.token(user) })).body.totalAmount;
  const before = await order(other(), "ann");
  expect(await amountOf(before.body.orderId, "ann")).toBe(2_000);
  expect(await patch(`/admin/products/${mug.id}`, { price: 700, name: "Cup" })).toMatchObject({
    status: 200,
    body: { id: mug.id, price: 700, name: "Cup" },
  });
  const same = await order(system.gateways[0]!.url, "bob");
  expect(await amountOf(same.body.orderId, "bob")).toBe(1_400);
  await until("the other gateway has the new price", async () => {
    const user = `buyer-${users++}`;
    const { body } = await order(other(), user);
    return (await amountOf(body.orderId, user)) === 1_400;
  });
  expect(await amountOf(before.body.orderId, "ann")).toBe(2_000);
  for (const json of [{}, { stock: 5 }, { price: -1 }, { price: 1.5 }, { listed: 1 }, { flash: true }]) {
    expect(code(await patch(`/admin/products/${mug.id}`, json))).toEqual({ status: 400, code: "VALIDATION_FAILED" });
  }
  expect((await patch("/admin/products/nobodys", { price: 1 })).status).toBe(404);
});

test("stock goes away down to what orders hold; the refusal says how far, a repeat takes nothing more, and the books balance", async () => {
  const mug = await createProduct(system, { stock: 10, price: 1 });
  const placed = await placeOrder(system, "eve", { items: [{ productId: mug.id, quantity: 4 }] });
  await until("the order is completed", async () => {
    const { body } = await call(`${system.url}/orders/${placed.body.orderId}`, { token: system.token("eve") });
    return body.status === "COMPLETED";
  });
  const restock = (quantity: number, headers: Record<string, string> = {}) =>
    call(`${system.url}/admin/products/${mug.id}/restock`, { token: system.operator, json: { quantity }, headers });
  expect(await restock(-7)).toMatchObject({ status: 409, body: { code: "CONFLICT", smallestQuantity: -6 } });
  const key = { "idempotency-key": "broken-4711" };
  expect(await restock(-5, key)).toMatchObject({ status: 200, body: { stock: 1 } });
  expect(await restock(-5, key)).toMatchObject({ status: 200, body: { stock: 1 } });
  expect(await restock(-1)).toMatchObject({ status: 200, body: { stock: 0 } });
  expect(await patch(`/admin/products/${mug.id}`, { listed: false })).toMatchObject({ body: { listed: false } });
  const listed = async (path: string, token?: string) =>
    (await call(`${other()}${path}?limit=200`, token === undefined ? {} : { token })).body.items.some(
      (item: { id: string }) => item.id === mug.id,
    );
  expect([await listed("/products"), await listed("/admin/products", system.operator)]).toEqual([false, true]);
  expect((await call(`${other()}/products/${mug.id}`)).status).toBe(200);
  expect(await system.violations()).toEqual([]);
});
