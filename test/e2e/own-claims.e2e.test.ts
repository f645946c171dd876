import { afterAll, beforeAll, expect, test } from "bun:test";
import { type ApiAnswer, call, claim } from "../support/client.ts";
import { recordsOf } from "../support/order-log.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

let system: System;
beforeAll(async () => {
  system = await startSystem("own", { consumers: false });
  await system.addConsumers(["sale-loader"]); // without a role that persists
}, 180_000);
afterAll(() => system?.close());

const statusOf = (requestId: string, user: string): Promise<ApiAnswer> =>
  call(`${system.url}/coupons/requests/${requestId}`, { token: system.token(user) });

test("a request is ACCEPTED until it is persisted, then ISSUED; for other users it does not exist", async () => {
  const { id: couponId } = await system.createSale({ total: 10 });
  const { body, status } = await claim(system.url, couponId, system.token("ann"));
  expect({ status, body }).toMatchObject({ status: 202, body: { couponId, slot: 1, status: "ACCEPTED" } });
  const { requestId } = body;
  expect(requestId.startsWith(`${couponId}-`)).toBe(true);
  expect(typeof body.receipt).toBe("string");

  expect(await statusOf(requestId, "ann")).toMatchObject({
    status: 200,
    body: { requestId, couponId, status: "ACCEPTED", slot: 1 },
  });
  await system.addConsumers(["coupon-persist", "claim-relay", "notify"]);
  const issued = await until("it is issued", async () => {
    const answer = await statusOf(requestId, "ann");
    return answer.body.status === "ISSUED" && answer;
  });
  expect(issued.body).toEqual({ requestId, couponId, status: "ISSUED", slot: 1 });

  const unknown = `${couponId}-${"0".repeat(18)}`;
  for (const [request, user] of [
    [requestId, "bob"],
    [unknown, "ann"],
    ["no-request-id", "ann"],
    [`${"0".repeat(12)}-${"0".repeat(18)}`, "ann"],
  ] as const) {
    expect(await statusOf(request, user)).toMatchObject({ status: 404, body: { code: "REQUEST_NOT_FOUND" } });
  }
  expect(await call(`${system.url}/coupons/requests/${requestId}`)).toMatchObject({ status: 401 });
});

test("a user's coupons come page by page, newest first, each once, and no other user's", async () => {
  const token = system.token("collector");
  const sales: string[] = [];
  for (let i = 0; i < 7; i++) {
    const { id } = await system.createSale({ total: 5, name: `sale ${i}` });
    expect(await claim(system.url, id, token)).toMatchObject({ status: 202 });
    await claim(system.url, id, system.token(`neighbour-${i}`));
    await system.settled(id);
    sales.unshift(id);
  }
  const seen: { couponId: string; name: string; status: string; slot: number }[] = [];
  const sizes: number[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const query: string = cursor === "" ? "limit=3" : `limit=3&cursor=${encodeURIComponent(cursor)}`;
    const { status, body } = await call(`${system.url}/me/coupons?${query}`, { token });
    expect(status).toBe(200);
    seen.push(...body.items);
    sizes.push(body.items.length);
    cursor = body.nextCursor;
  }
  expect(sizes).toEqual([3, 3, 1]);
  expect(seen.map(({ couponId }) => couponId)).toEqual(sales);
  expect(seen[0]).toMatchObject({ name: "sale 6", status: "ACTIVE", slot: 1, orderId: null });
  const { discountType, discountValue, maxDiscount, minOrderAmount, validUntil } = (
    await call(`${system.url}/coupons/${sales[0]}`)
  ).body;
  expect(seen[0]).toMatchObject({ discountType, discountValue, maxDiscount, minOrderAmount, validUntil });

  expect((await call(`${system.url}/me/coupons`, { token: system.token("nobody") })).body).toEqual({
    items: [],
    nextCursor: null,
  });
  for (const query of ["limit=0", "limit=201", "limit=many", "cursor=tampered", `cursor=${"x".repeat(200)}`]) {
    expect(await call(`${system.url}/me/coupons?${query}`, { token })).toMatchObject({
      status: 400,
      body: { code: "VALIDATION_FAILED" },
    });
  }
  expect(await call(`${system.url}/me/coupons`)).toMatchObject({ status: 401, body: { code: "UNAUTHENTICATED" } });
});

test("all sales are listed page by page, newest first, and each is shown by its id", async () => {
  const ids: string[] = [];
  for (let i = 0; i < 3; i++) ids.unshift((await system.createSale({ total: 5, name: `listed ${i}` })).id);
  const first = (await call(`${system.url}/coupons?limit=2`)).body;
  expect(first.items.map(({ id }: { id: string }) => id)).toEqual(ids.slice(0, 2));
  const second = (await call(`${system.url}/coupons?limit=2&cursor=${first.nextCursor}`)).body;
  expect(second.items[0]).toMatchObject({ id: ids[2], name: "listed 0", total: 5, remaining: 5, state: "OPEN" });
  const { now, ...alone } = (await call(`${system.url}/coupons/${ids[0]}`)).body;
  expect(alone).toEqual(first.items[0]);
  expect(Date.parse(now)).toBeGreaterThan(0);
});

test("a traceparent travels into the log with its claim or order; what is none stays outside", async () => {
  const { id } = await system.createSale({ total: 10 });
  const queued = await system.createSale({ total: 10, issueMode: "QUEUED" });
  const product = await call(`${system.url}/admin/products`, {
    token: system.operator,
    json: { name: "Mug", stock: 10, price: 100, flash: false },
  });
  const good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  const bad = [good.toUpperCase(), `00-${"0".repeat(32)}-00f067aa0ba902b7-01`, `${good}-more`, "x".repeat(4_000)];
  for (const [i, traceparent] of [good, ...bad].entries()) {
    const options = { token: system.token(`traced-${i}`), headers: { traceparent } };
    for (const sale of [id, queued.id]) {
      const claimed = await call(`${system.url}/coupons/${sale}/issue`, { ...options, method: "POST" });
      expect(claimed.status).toBe(202);
    }
    const json = { items: [{ productId: product.body.productId, quantity: 1 }], payment: { token: "tok_ok" } };
    expect((await call(`${system.url}/orders`, { ...options, json })).status).toBe(202);
  }
  const decoder = new TextDecoder();
  for (const topic of ["coupon-issue-requests", "coupon-requests", "order-events"]) {
    const ours = (await recordsOf(system, [topic])).filter(({ value }) => decoder.decode(value!).includes("traced-"));
    expect(ours).toHaveLength(5);
    expect(ours.flatMap(({ headers }) => headers.traceparent ?? []).map((one) => decoder.decode(one))).toEqual([good]);
  }
}, 60_000);
