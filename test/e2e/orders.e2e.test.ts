import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { orderIdOf, orderNumberOf } from "../../contracts/orders/ids.ts";
import { stepsOf } from "../../contracts/orders/saga-state.ts";
import type { Product } from "../../contracts/shop/http-catalogue.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import { MAX_MONEY } from "../../contracts/wire/money.ts";
import { orderLedgerLengths } from "../../lua/order-ledger.ts";
import { type ApiAnswer, call, claim } from "../support/client.ts";
import { createProduct, followOrders, placeOrder } from "../support/orders.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(180_000);

let system: System;
let mug: Product;
let log: ReturnType<typeof followOrders>;
beforeAll(async () => {
  // Without the saga: what is shown here is what the door alone promises.
  system = await startSystem("orders", {
    consumers: false,
    gatewayEnv: { USER_RATE_BURST: "1000", CLAIM_ACK_MS: "5000" },
  });
  mug = await createProduct(system);
  log = followOrders(system);
}, 180_000);
afterAll(async () => {
  await log?.close();
  await system?.close();
});

const code = ({ status, body }: ApiAnswer) => ({ status, code: body.code });
const waiting = async () => (await orderLedgerLengths(system.redis)).reduce((sum, length) => sum + length, 0);
const show = (orderId: string, user: string) => call(`${system.url}/orders/${orderId}`, { token: system.token(user) });

test("an order is priced, accepted, logged with everything in it, and shown from the first moment", async () => {
  const json = {
    items: [
      { productId: mug.id, quantity: 2 },
      { productId: mug.id, quantity: 1 },
    ],
    pointsToUse: 750,
    shipping: { country: "FR", city: "Lyon" },
  };
  const placed = await placeOrder(system, "ann", json, "first");
  const { orderId, orderNumber } = placed.body;
  expect(placed).toMatchObject({ status: 202, body: { status: "PENDING", durable: "kafka" } });
  expect(placed.body).toEqual({
    orderId,
    orderNumber,
    status: "PENDING",
    estimatedProcessingTime: expect.any(Number),
    trackingUrl: `/orders/${orderId}`,
    durable: "kafka",
  });
  expect(placed.headers.get("location")).toBe(`/orders/${orderId}`);
  const shown = await show(orderId, "ann");
  expect(shown).toMatchObject({
    status: 200,
    body: {
      orderId,
      orderNumber,
      status: "PENDING",
      items: [{ productId: mug.id, quantity: 3, unitPrice: 1250 }],
      totalAmount: 3750,
      discountAmount: 0,
      pointsUsed: 750,
      payableAmount: 3000,
      currency: "EUR",
    },
  });
  const steps = shown.body.steps.map(({ name, status }: { name: string; status: string }) => `${name} ${status}`);
  expect(steps).toEqual(["STOCK PENDING", "COUPON SKIPPED", "POINT PENDING", "PAYMENT PENDING", "SHIPPING PENDING"]);
  const [event] = await log.until(orderId);
  expect(event).toMatchObject({
    type: "OrderCreated",
    stream: orderId,
    sequence: 1,
    data: {
      userId: "ann",
      idempotencyKey: "first",
      source: "items",
      couponId: null,
      payment: { token: "tok_ok" },
      shipping: { country: "FR", city: "Lyon" },
      payableAmount: 3000,
    },
  });
  expect(code(await show(orderId, "bob"))).toEqual(refused(404, "ORDER_NOT_FOUND"));
  const forOperators = await call(`${system.url}/orders/${orderId}`, { token: system.operator });
  expect(forOperators).toMatchObject({ status: 200, body: shown.body });
  expect(code(await call(`${system.url}/orders/${orderId}`))).toEqual({ status: 401, code: "UNAUTHENTICATED" });
});

test("fifty equal requests at once are one order and one event; a repeat has the same answer", async () => {
  const json = { items: [{ productId: mug.id, quantity: 1 }] };
  const answers = await Promise.all(Array.from({ length: 50 }, () => placeOrder(system, "cem", json, "rush")));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
  expect(new Set(answers.map(({ body }) => body.orderId)).size).toBe(1);
  expect(answers.filter(({ body }) => body.repeat === undefined)).toHaveLength(1);
  const { orderId } = answers[0]!.body;
  const again = await placeOrder(system, "cem", { ...json, pointsToUse: 0 }, "rush");
  expect(again).toMatchObject({ status: 202, body: { orderId, repeat: true, durable: "kafka" } });
  const events = await log.until(orderId, 2); // the ledger still holds it, so the repeat was sent, too
  expect(new Set(events.map((event) => JSON.stringify(event))).size).toBe(1);
});

test("another body under a key is refused; without a key every request is another order", async () => {
  const json = { items: [{ productId: mug.id, quantity: 1 }] };
  const first = await placeOrder(system, "dan", json, "k");
  const before = await waiting();
  const other = await placeOrder(system, "dan", { items: [{ productId: mug.id, quantity: 2 }] }, "k");
  expect(code(other)).toEqual({ status: 422, code: "IDEMPOTENCY_KEY_REUSED" });
  expect(code(await placeOrder(system, "dan", json, "x".repeat(129)))).toEqual({
    status: 400,
    code: "IDEMPOTENCY_KEY_INVALID",
  });
  expect(await waiting()).toBe(before);
  const [a, b] = [await placeOrder(system, "dan", json), await placeOrder(system, "dan", json)];
  expect(new Set([first, a, b].map(({ body }) => body.orderId)).size).toBe(3);
});

const line = (quantity: unknown, productId = "mug") => ({ items: [{ productId, quantity }] });
const invalid = { status: 400, code: "VALIDATION_FAILED" };
const refused = (status: number, name: string) => ({ status, code: name });
test.each([
  [line(0), invalid],
  [line(-1), invalid],
  [line(1.5), invalid],
  [line(1e9), invalid],
  [line("1"), invalid],
  [line(null), invalid],
  [{}, invalid],
  [[], invalid],
  [{ items: [] }, invalid],
  [{ items: [], from: "cart" }, invalid],
  [{ from: "basket" }, invalid],
  [{ items: Array.from({ length: 101 }, (_, i) => ({ productId: `p${i}`, quantity: 1 })) }, invalid],
  [{ items: [...line(9_999).items, ...line(2).items] }, invalid],
  [{ ...line(1), unitPrice: 1 }, invalid],
  [{ items: [{ productId: "mug", quantity: 1, unitPrice: 1 }] }, invalid],
  [{ ...line(1), totalAmount: 0 }, invalid],
  [{ ...line(1), pointsToUse: -1 }, invalid],
  [{ ...line(1), pointsToUse: 1.5 }, invalid],
  [{ ...line(1), pointsToUse: MAX_MONEY + 1 }, invalid],
  [{ ...line(1), couponId: "'; DROP TABLE coupons --" }, invalid],
  [{ ...line(1), shipping: { country: "Germany" } }, invalid],
  [{ ...line(1), payment: { token: "" } }, invalid],
  [{ ...line(1), payment: { card: "4111111111111111" } }, invalid],
  [{ ...line(1), payment: { token: "tok\0ok" } }, invalid],
  [{ ...line(1), shipping: { country: "DE", name: "half of a smile: \ud83d" } }, invalid],
  [JSON.parse('{"items":[{"productId":"mug","quantity":1}],"__proto__":{"pointsToUse":1}}'), invalid],
  [line(1, "../mug"), invalid],
  [line(1, "nothing-of-that-name"), refused(404, "PRODUCT_NOT_FOUND")],
  [{ ...line(1), couponId: "000000000000" }, refused(404, "COUPON_NOT_FOUND")],
  [{ ...line(1), pointsToUse: 1251 }, refused(422, "POINTS_EXCEED_AMOUNT")],
  [{ ...line(1), shipping: { country: "AQ" } }, refused(422, "SHIPPING_NOT_SERVED")],
  [line(2, "gold"), refused(422, "AMOUNT_OUT_OF_RANGE")],
  [{ items: [...line(1).items, ...line(1, "dollar").items] }, refused(422, "CURRENCIES_DIFFER")],
  [{ ...line(1, "dollar"), pointsToUse: 1 }, refused(422, "CURRENCIES_DIFFER")],
  [{ from: "cart" }, refused(422, "CART_EMPTY")],
] as const)("%j is refused, and nothing is stored", async (json, expected) => {
  const own: Record<string, Promise<Product> | Product> = { mug };
  const named = JSON.stringify(json).includes("gold") ? "gold" : "dollar";
  if (JSON.stringify(json).includes(named)) {
    const wish = named === "gold" ? { price: MAX_MONEY } : { currency: "USD" };
    own[named] = await createProduct(system, { name: named, ...wish });
  }
  let text = JSON.stringify(json);
  for (const [name, product] of Object.entries(own)) {
    text = text.replaceAll(`"productId":"${name}"`, `"productId":"${(await product).id}"`);
  }
  const before = await waiting();
  expect(code(await placeOrder(system, "bad", JSON.parse(text)))).toEqual(expected);
  expect(await waiting()).toBe(before);
});

test("without a default token, an order that costs something names its payment; one that costs nothing need not", async () => {
  const gateway = await system.addGateway({ ORDER_DEFAULT_PAYMENT_TOKEN: "" });
  const place = (json: object) => call(`${gateway.url}/orders`, { token: system.token("nia"), json });
  const items = [{ productId: mug.id, quantity: 1 }];
  expect(code(await place({ items }))).toEqual(invalid);
  expect((await place({ items, payment: { token: "tok_ok" } })).status).toBe(202);
  const { status, body } = await place({ items, pointsToUse: 1250 });
  expect(status).toBe(202);
  const [event] = await log.until(body.orderId);
  expect(event!.data).toMatchObject({ payableAmount: 0, payment: { token: "none" } });
});

test("bytes that are no JSON, and another media type, are refused", async () => {
  const send = async (body: string, type: string) => {
    const headers = { authorization: `Bearer ${system.token("bad")}`, "content-type": type };
    const response = await fetch(`${system.url}/orders`, { method: "POST", headers, body });
    return { status: response.status, code: ((await response.json()) as { code: string }).code };
  };
  expect(await send("{", "application/json")).toEqual(refused(400, "INVALID_JSON"));
  expect(await send("{}", "text/plain")).toEqual(refused(415, "UNSUPPORTED_MEDIA_TYPE"));
});

test("a flash product is admitted by the piece from the moment it is there", async () => {
  const { id } = await createProduct(system, { name: "Ticket", stock: 3, flash: true });
  const buy = (user: string) => placeOrder(system, user, { items: [{ productId: id, quantity: 1 }] });
  const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => buy(`quick-${i}`)));
  expect(answers.map(({ status }) => status).sort()).toEqual([202, 202, 202, 409, 409, 409, 409, 409, 409, 409]);
  expect(answers.find(({ status }) => status === 409)!.body).toMatchObject({ code: "SOLD_OUT", productId: id });
});

test("the cart is ordered at today's prices; the order says that it came from there", async () => {
  const token = system.token("eve");
  await call(`${system.url}/cart/items`, { method: "PUT", token, json: { productId: mug.id, quantity: 2 } });
  const { status, body } = await placeOrder(system, "eve", { from: "cart" }, "cart-1");
  expect(status).toBe(202);
  const [event] = await log.until(body.orderId);
  expect(event!.data).toMatchObject({ source: "cart", totalAmount: 2500 });
  // A repeat is the same order, whatever is in the cart by now.
  await call(`${system.url}/cart/items`, { method: "DELETE", token });
  expect((await placeOrder(system, "eve", { from: "cart" }, "cart-1")).body.orderId).toBe(body.orderId);
});

test("a Redis that lost the key turns no order of PostgreSQL's away: its repeat has the first answer", async () => {
  const token = system.token("kim");
  await call(`${system.url}/cart/items`, { method: "PUT", token, json: { productId: mug.id, quantity: 1 } });
  const { orderId } = (await placeOrder(system, "kim", { from: "cart" }, "once")).body;
  await call(`${system.url}/cart/items`, { method: "DELETE", token }); // as the order's own transaction does
  await system.redis.flushall();
  const again = () => placeOrder(system, "kim", { from: "cart" }, "once");
  expect(code(await again())).toEqual(refused(422, "CART_EMPTY")); // it is not known
  await system.sql`
    INSERT INTO orders (id, user_id, total_amount, payable_amount) VALUES (${orderId}, 'kim', 1250, 1250)`;
  expect(await again()).toMatchObject({ status: 202, body: { orderId, repeat: true, durable: "kafka" } });
  expect(code(await placeOrder(system, "kim", { from: "cart" }, "another"))).toEqual(refused(422, "CART_EMPTY"));
});

test("what was answered is counted", async () => {
  await placeOrder(system, "lea", { items: [{ productId: mug.id, quantity: 1 }] });
  const { body } = await call(`${system.url}/metrics`);
  for (const counted of ["ACCEPTED", "REPEATED", "CART_EMPTY", "VALIDATION_FAILED"]) {
    expect(body).toMatch(new RegExp(`stampede_orders_total\\{code="${counted}"\\} [1-9]`));
  }
  expect(body).toContain("stampede_orders_in_flight 0");
});

test("a coupon takes off what its sale says: held in PostgreSQL, or only just won in Redis; not another user's", async () => {
  const loader = await system.addConsumers(["sale-loader"]);
  const sale = await system.createSale({ total: 5 });
  await until("the sale is open", async () => (await claim(system.url, sale.id, system.token("fay"))).status < 300);
  await loader.stop();
  const json = { items: [{ productId: mug.id, quantity: 1 }], couponId: sale.id };
  const won = await placeOrder(system, "fay", json); // the claim is not persisted
  expect(won.status).toBe(202);
  expect((await show(won.body.orderId, "fay")).body).toMatchObject({ discountAmount: 100, payableAmount: 1150 });
  expect(code(await placeOrder(system, "gil", json))).toEqual(refused(422, "COUPON_NOT_HELD"));
  const used = (user: string, status: string) => system.sql`
    INSERT INTO user_coupons (coupon_id, user_id, slot, request_id, status, order_id)
    VALUES (${sale.id}, ${user}, ${user.length}, ${`${sale.id}-${user.padStart(18, "0")}`}, ${status}, 'another')`;
  await used("gi", "ACTIVE");
  await used("gil", "USED");
  expect((await placeOrder(system, "gi", json)).status).toBe(202);
  expect(code(await placeOrder(system, "gil", json))).toEqual(refused(409, "COUPON_ALREADY_USED"));
  // It is worth something in its own currency, and never nothing.
  const bought = async (wish: object) => ({
    ...json,
    items: [{ productId: (await createProduct(system, wish)).id, quantity: 1 }],
  });
  expect(code(await placeOrder(system, "gi", await bought({ price: 0 })))).toEqual(
    refused(422, "COUPON_WITHOUT_EFFECT"),
  );
  expect(code(await placeOrder(system, "gi", await bought({ currency: "USD" })))).toEqual(
    refused(422, "CURRENCIES_DIFFER"),
  );
});

test("a cancellation is asked for once, by its owner; of an order that does not exist it is not found", async () => {
  const { body } = await placeOrder(system, "hal", { items: [{ productId: mug.id, quantity: 1 }] });
  const cancel = (user: string) =>
    call(`${system.url}/orders/${body.orderId}/cancel`, { method: "POST", token: system.token(user) });
  const answers = await Promise.all([cancel("hal"), cancel("hal")]);
  for (const answer of answers) {
    expect(answer).toMatchObject({ status: 202, body: { orderId: body.orderId, status: "PENDING" } });
  }
  expect(code(await cancel("ida"))).toEqual(refused(404, "ORDER_NOT_FOUND"));
  const events = (await log.until(body.orderId, 3)).filter(({ type }) => type === "OrderCancelRequested");
  expect(new Set(events.map((event) => JSON.stringify(event))).size).toBe(1);
  expect(events[0]!.data).toMatchObject({ userId: "hal", requestedBy: "USER" });
});

test("a user's orders are listed from the first moment, with what PostgreSQL has, paged; all for operators alone", async () => {
  const id = (n: number) => orderIdOf("ivy" as UserId, `k${n}`, "{}");
  for (const n of [1, 2, 3]) {
    await system.sql`
      INSERT INTO orders (id, user_id, order_number, status, total_amount, payable_amount, created_at)
      VALUES (${id(n)}, 'ivy', ${orderNumberOf(id(n))}, 'COMPLETED', 100, 100, now() - make_interval(secs => ${10 - n}))`;
    await system.sql`INSERT INTO order_items VALUES (${id(n)}, ${mug.id}, ${n}, 100)`;
  }
  const list = (path: string, token: string) => call(system.url + path, { token });
  const first = (await list("/me/orders?limit=2", system.token("ivy"))).body;
  expect(first.items.map(({ orderId }: { orderId: string }) => orderId)).toEqual([id(3), id(2)]);
  expect(first.items[0]).toMatchObject({
    status: "COMPLETED",
    items: [{ productId: mug.id, quantity: 3, unitPrice: 100 }],
  });
  const rest = (await list(`/me/orders?limit=2&cursor=${first.nextCursor}`, system.token("ivy"))).body;
  expect(rest).toMatchObject({ items: [{ orderId: id(1) }], nextCursor: null });
  const { body: fresh } = await placeOrder(system, "ivy", { items: [{ productId: mug.id, quantity: 1 }] });
  const token = system.token("ivy");
  const newest = (await list("/me/orders?limit=2", token)).body;
  expect(newest.items).toMatchObject([
    { orderId: fresh.orderId, orderNumber: fresh.orderNumber, status: "PENDING", payableAmount: 1250, settledAt: null },
    { orderId: id(3), status: "COMPLETED" },
  ]);
  const older = (await list(`/me/orders?limit=2&cursor=${newest.nextCursor}`, token)).body;
  expect(older.items.map(({ orderId }: { orderId: string }) => orderId)).toEqual([id(2), id(1)]);
  expect((await list("/me/orders", system.token("jan"))).body).toEqual({ items: [], nextCursor: null });
  await system.sql`
    INSERT INTO orders (id, user_id, order_number, status, total_amount, payable_amount, failure_reason, failure_product_id)
    VALUES (${id(4)}, 'kai', ${orderNumberOf(id(4))}, 'CANCELLED', 100, 100, 'INSUFFICIENT_STOCK', ${mug.id})`;
  expect((await list("/me/orders", system.token("kai"))).body.items).toMatchObject([
    { status: "CANCELLED", failureReason: "INSUFFICIENT_STOCK", failureProductId: mug.id },
  ]);
  const admin = (query: string, token = system.operator) => list(`/admin/orders${query}`, token);
  expect((await admin("?userId=ivy")).body.items).toHaveLength(4);
  expect((await admin("?limit=1")).body.items).toHaveLength(1);
  expect(code(await admin("", system.token("ivy")))).toEqual(refused(403, "FORBIDDEN"));
  expect(code(await admin("?userId=a%20b"))).toEqual(invalid);
  expect(code(await list("/me/orders?cursor=WzFd", system.token("ivy")))).toEqual(invalid);
});

test("an order is found by its number, in any spelling, by its owner and by operators alone", async () => {
  const { body } = await placeOrder(system, "lou", { items: [{ productId: mug.id, quantity: 1 }] });
  const { orderId, orderNumber } = body;
  const spelled = orderNumber.toLowerCase().replaceAll("-", "");
  for (const reference of [orderNumber, spelled]) expect((await show(reference, "lou")).body.orderId).toBe(orderId);
  expect(code(await show(orderNumber, "bob"))).toEqual(refused(404, "ORDER_NOT_FOUND"));
  for (const strange of ["00000-00000-00000", "x", "%00", "zzzzzzzzzzzzzzz"]) {
    expect(code(await show(strange, "lou"))).toEqual(refused(404, "ORDER_NOT_FOUND"));
  }
  // For an order that PostgreSQL has, also if other orders share the first digits of its id.
  const state = {
    version: 1,
    status: "PROCESSING",
    steps: stepsOf(null),
    order: { orderId, orderNumber, userId: "lou" },
  };
  const amounts = { totalAmount: 0, discountAmount: 0, pointsUsed: 0, payableAmount: 0, currency: "EUR" };
  const stored = { ...state, order: { ...state.order, ...amounts, createdAt: 0, items: [] } };
  const neighbour = `${orderId.slice(0, -1)}${orderId.endsWith("0") ? "1" : "0"}`;
  for (const [at, user] of [
    [orderId, "lou"],
    [neighbour, "eva"],
  ] as const) {
    const order = { ...stored.order, orderId: at, userId: user };
    await system.sql`INSERT INTO order_sagas (order_id, status, state) VALUES (${at}, 'PROCESSING', ${JSON.stringify({ ...stored, order })}::text::json)`;
  }
  expect((await show(orderNumber, "lou")).body).toMatchObject({ orderId, status: "PROCESSING" });
  expect((await call(`${system.url}/orders/${orderNumber}`, { token: system.operator })).body.orderId).toBe(orderId);
  expect(code(await show(orderNumber, "eva"))).toEqual(refused(404, "ORDER_NOT_FOUND"));
});

test("what is in the cart is bought once, however many order it at once; what comes into it meanwhile is bought, too", async () => {
  const token = system.token("zoe");
  const put = (productId: string, quantity: number) =>
    call(`${system.url}/cart/items`, { method: "PUT", token, json: { productId, quantity } });
  await put(mug.id, 2);
  const order = () => placeOrder(system, "zoe", { from: "cart" });
  const answers = await Promise.all(Array.from({ length: 8 }, order));
  expect(answers.filter(({ status }) => status === 202)).toHaveLength(1);
  for (const answer of answers) if (answer.status !== 202) expect(code(answer)).toEqual(refused(422, "CART_EMPTY"));
  // The saga has not seen it: the line still stands in the cart, and is sold all the same.
  const plate = await createProduct(system, { name: "Plate", price: 700 });
  await put(plate.id, 1);
  const second = await order();
  expect((await show(second.body.orderId, "zoe")).body.items).toMatchObject([{ productId: plate.id, quantity: 1 }]);
  expect(code(await order())).toEqual(refused(422, "CART_EMPTY"));
  await put(mug.id, 3); // another quantity than was ordered: a newer wish
  expect((await order()).body.status).toBe("PENDING");
});
