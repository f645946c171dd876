import { afterAll, beforeAll, expect, test } from "bun:test";
import { orderCancelRequested, stepCompleted } from "../../contracts/orders/messages.ts";
import { SAGA_SETTING } from "../../contracts/orders/saga-mode.ts";
import { STEPS } from "../../contracts/orders/steps.ts";
import { changeSetting } from "../../db/settings/settings.ts";
import { until } from "../support/until.ts";
import { anOrder, openShop } from "./order-world.ts";
import { type ConsumerWorld, createWorld, WORLD_MS } from "./world.ts";

let world: ConsumerWorld;
beforeAll(async () => {
  world = await createWorld();
}, WORLD_MS);
afterAll(() => world.close());

const cancelOf = (order: ReturnType<typeof anOrder>) => {
  const { orderId, userId } = order.data;
  return orderCancelRequested({ orderId, userId, requestedBy: "USER" }, Date.now());
};

test("a good order is 13 messages, one row, its lines, and what it sold", async () => {
  const shop = await openShop(world);
  const sku = `p-${crypto.randomUUID().slice(0, 8)}`;
  const order = anOrder();
  const items = order.data.items.map((line, i) => ({ ...line, productId: `${sku}-${i}` as typeof line.productId }));
  Object.assign(order.data, { items });
  const { orderId, userId } = order.data;
  await world.db
    .sql`INSERT INTO stock_reservations (order_id, product_id, quantity) VALUES (${orderId}, ${items[0]!.productId}, 1)`;
  await shop.publish(order);
  shop.startSaga();
  shop.startSteps();
  await shop.settled(orderId);
  await until("all is said", () => shop.said.length >= 13);
  expect(shop.saidOf(orderId)).toHaveLength(13);
  expect(shop.saidOf(orderId).slice(-2)).toEqual(["OrderCompleted", "OrderStatusChanged"]);
  const { data } = order;
  expect(await shop.orderOf(orderId)).toMatchObject({
    user_id: userId,
    status: "COMPLETED",
    order_number: data.orderNumber,
    total_amount: String(data.totalAmount),
    payable_amount: String(data.payableAmount),
    idempotency_key: "key-1",
    payment: { token: "tok_ok" },
    failure_reason: null,
    settled_at: expect.any(Date),
  });
  const lines = await world.db.sql`
    SELECT product_id, quantity, unit_price::int FROM order_items WHERE order_id = ${orderId} ORDER BY product_id`;
  expect([...lines]).toEqual(
    items.map((i) => ({ product_id: i.productId, quantity: i.quantity, unit_price: i.unitPrice })),
  );
  expect(await shop.sagaOf(orderId)).toMatchObject({ status: "COMPLETED", due_at: null });
  const sold = await world.db.sql`
    SELECT product_id, quantity::int FROM product_sales WHERE product_id LIKE ${`${sku}%`} ORDER BY product_id`;
  expect([...sold]).toEqual(items.map((i) => ({ product_id: i.productId, quantity: i.quantity })));
  const [held] = await world.db.sql`SELECT status FROM stock_reservations WHERE order_id = ${orderId}`;
  expect(held).toEqual({ status: "CONFIRMED" });
}, 180_000);

test("a refused order from a cart restores everything and puts its lines back, except where the user has a newer wish", async () => {
  const shop = await openShop(world);
  const order = anOrder({ source: "cart" });
  const { orderId, userId, items } = order.data;
  for (const { productId, quantity } of items)
    await world.db
      .sql`INSERT INTO cart_items (user_id, product_id, quantity) VALUES (${userId}, ${productId}, ${quantity})`;
  await world.db.sql`INSERT INTO cart_items (user_id, product_id, quantity) VALUES (${userId}, 'another', 7)`;
  const cart = async () =>
    (await world.db.sql`SELECT product_id, quantity FROM cart_items WHERE user_id = ${userId} ORDER BY product_id`).map(
      ({ product_id, quantity }) => `${product_id}:${quantity}`,
    );
  shop.refusals.set(orderId, { SHIPPING: "SHIPPING_NOT_SERVED" });
  await shop.publish(order);
  shop.startSaga();
  await until("the order began", async () => (await shop.sagaOf(orderId))?.status === "PROCESSING");
  expect(await cart()).toEqual(["another:7"]);
  await world.db
    .sql`INSERT INTO cart_items (user_id, product_id, quantity) VALUES (${userId}, ${items[0]!.productId}, 9)`;
  shop.startSteps();
  await shop.settled(orderId);
  await until("all is said", () => shop.said.length >= 24);
  expect(shop.saidOf(orderId)).toHaveLength(24);
  expect(await cart()).toEqual(["another:7", `${items[0]!.productId}:9`, `${items[1]!.productId}:2`]);
  expect(await shop.orderOf(orderId)).toMatchObject({ status: "CANCELLED", failure_reason: "SHIPPING_NOT_SERVED" });
  const { state } = (await shop.sagaOf(orderId))!;
  expect(STEPS.map((step) => state.steps[step].status)).toEqual([
    "RESTORED",
    "RESTORED",
    "RESTORED",
    "RESTORED",
    "FAILED",
  ]);
  const sold = await world.db
    .sql`SELECT 1 FROM order_items i JOIN product_sales s USING (product_id) WHERE order_id = ${orderId}`;
  expect(sold.length).toBe(0);
}, 180_000);

test("an order whose lines a release took out of the cart that did not note it: they come back as well", async () => {
  const shop = await openShop(world);
  const order = anOrder({ source: "cart" });
  const { orderId, userId, items } = order.data;
  const cart = async () =>
    (await world.db.sql`SELECT product_id FROM cart_items WHERE user_id = ${userId} ORDER BY product_id`).map(
      ({ product_id }) => product_id,
    );
  shop.refusals.set(orderId, { SHIPPING: "SHIPPING_NOT_SERVED" });
  await shop.publish(order);
  shop.startSaga();
  await until("the order began", async () => (await shop.sagaOf(orderId))?.status === "PROCESSING");
  await world.db.sql`UPDATE order_items SET from_cart = NULL WHERE order_id = ${orderId}`;
  shop.startSteps();
  await shop.settled(orderId);
  expect(await cart()).toEqual(items.map(({ productId }) => productId as string));
}, 180_000);

test("cancelled before its row exists: the order is CANCELLED as soon as it comes, and no step is asked", async () => {
  const shop = await openShop(world);
  const order = anOrder();
  const { orderId } = order.data;
  const runner = shop.startSaga();
  await shop.publish(cancelOf(order));
  await until("it is noted", async () => (await shop.sagaOf(orderId))?.status === "PENDING");
  expect(await shop.sagaOf(orderId)).toMatchObject({ due_at: null });
  await shop.publish(order);
  await shop.settled(orderId);
  await runner.stop(2_000);
  expect(shop.saidOf(orderId)).toEqual([
    "OrderCancelRequested",
    "OrderCreated",
    "CompensationRequired",
    "CompensationCompleted",
    "OrderStatusChanged",
    "OrderCancelled",
  ]);
  expect(await shop.orderOf(orderId)).toMatchObject({ status: "CANCELLED", failure_reason: "CANCELLED_BY_USER" });
}, 180_000);

test("everything is delivered twice: one effect, and every event said again is the same to the letter", async () => {
  const shop = await openShop(world);
  const sku = `p-${crypto.randomUUID().slice(0, 8)}` as never;
  const orders = Array.from({ length: 20 }, () =>
    anOrder({ items: [{ ...anOrder().data.items[0]!, productId: sku }] }),
  );
  const ids = orders.map(({ data }) => data.orderId);
  await shop.publish(...orders);
  const runner = shop.startSaga();
  const steps = shop.startSteps();
  await shop.settled(...ids);
  await steps.stop(2_000);
  await runner.stop(2_000);
  const versions = () =>
    world.db
      .sql`SELECT order_id, version, state FROM order_sagas WHERE order_id = ANY (${`{${ids.join(",")}}`}::text[]) ORDER BY 1`;
  const before = [...(await versions())];
  const first = new Map(shop.said.map((event) => [event.eventId, event]));
  // Again, from the beginning: a group without offsets.
  world.run(shop.role, shop.inbox, `again-${shop.inbox}`);
  await until("read again", async () => (await world.lag(shop.inbox, `again-${shop.inbox}`)) === 0);
  expect([...(await versions())]).toEqual(before);
  for (const event of shop.said) expect(event).toEqual(first.get(event.eventId)!);
  const [sold] = await world.db.sql`SELECT quantity::int FROM product_sales WHERE product_id = ${sku}`;
  expect(sold).toEqual({ quantity: 20 });
}, 180_000);

test("two consumers that hold results of the same orders in opposite order settle them all", async () => {
  const shop = await openShop(world);
  const orders = Array.from({ length: 60 }, () => anOrder());
  const ids = orders.map(({ data }) => data.orderId);
  const stageOne = ids.flatMap((orderId) =>
    (["STOCK", "COUPON", "POINT"] as const).map((step) =>
      stepCompleted({ orderId, step, at: Date.now(), causationId: "c" }),
    ),
  );
  const stageTwo = ids.flatMap((orderId) =>
    (["PAYMENT", "SHIPPING"] as const).map((step) =>
      stepCompleted({ orderId, step, at: Date.now(), causationId: "c" }),
    ),
  );
  const asRecords = (events: readonly object[]) =>
    events.map((event, i) => ({
      topic: "t",
      partition: 0,
      offset: i,
      key: null,
      headers: {},
      timestamp: 0,
      value: new TextEncoder().encode(JSON.stringify(event)),
    }));
  const signal = new AbortController().signal;
  const handle = (events: readonly object[]) => shop.role.handle(asRecords(events), signal);
  // Rows that are new to both, then rows that both lock.
  await Promise.all([handle(orders), handle(orders.toReversed()), handle(orders)]);
  await Promise.all([handle(stageOne), handle(stageOne.toReversed()), handle(stageTwo), handle(stageTwo.toReversed())]);
  const rows = await world.db.sql<{ status: string }[]>`
    SELECT status FROM order_sagas WHERE order_id = ANY (${`{${ids.join(",")}}`}::text[])`;
  expect(rows.length).toBe(60);
  // A result that came before its step was asked is taken for what it is; whichever way round, everything is complete.
  expect(new Set(rows.map(({ status }) => status))).toEqual(new Set(["COMPLETED"]));
  const counted = await world.db
    .sql`SELECT count(*)::int AS lines FROM order_items WHERE order_id = ANY (${`{${ids.join(",")}}`}::text[])`;
  expect(counted[0]!.lines).toBe(120);
}, 180_000);

test("died between database and log: the same events come again, and what was committed is published", async () => {
  let deaths = 0;
  const shop = await openShop(world, {
    fault: (here) => {
      if (here === "saga:committed" && deaths++ % 2 === 0)
        throw Object.assign(new Error("died"), { code: "ECONNRESET" });
    },
  });
  const order = anOrder();
  const { orderId } = order.data;
  await shop.publish(order);
  shop.startSaga();
  shop.startSteps();
  await shop.settled(orderId);
  await until("all is said", () => shop.said.length >= 13);
  expect(shop.saidOf(orderId)).toHaveLength(13);
  expect(deaths).toBeGreaterThanOrEqual(8); // four batches at least, each twice
}, 180_000);

test("an operator's switch holds for the next order; one under way ends in the mode in which it began", async () => {
  const shop = await openShop(world);
  const [before, after] = [anOrder(), anOrder()];
  shop.startSaga();
  await shop.publish(before);
  await until("it began", () => shop.saidOf(before.data.orderId).length === 4);
  await changeSetting(world.db.sql, SAGA_SETTING, "sequential", "test");
  await shop.publish(after);
  await until("it began", () => shop.saidOf(after.data.orderId).length === 2);
  expect(shop.saidOf(after.data.orderId)).toEqual(["OrderCreated", "StockDeductionRequested"]);
  shop.startSteps();
  await shop.settled(before.data.orderId, after.data.orderId);
  for (const { data } of [before, after]) expect((await shop.sagaOf(data.orderId))!.status).toBe("COMPLETED");
  expect((await shop.sagaOf(before.data.orderId))!.state.stepOrder).toBe("PARALLEL");
  expect((await shop.sagaOf(after.data.orderId))!.state.stepOrder).toBe("SEQUENTIAL");
}, 180_000);

test("an effect that comes after the order was cancelled is restored, and the sweeper minds it until then", async () => {
  const shop = await openShop(world);
  const order = anOrder();
  const { orderId } = order.data;
  shop.startSaga();
  await shop.publish(cancelOf(order), order);
  await shop.settled(orderId);
  expect((await shop.sagaOf(orderId))!.due_at).toBeNull();
  await shop.publish(stepCompleted({ orderId, step: "STOCK", at: Date.now(), causationId: "c" }));
  await until("its restore is asked for", () => shop.saidOf(orderId).includes("StockRestoreRequested"));
  expect((await shop.sagaOf(orderId))!.due_at).toBeInstanceOf(Date);
  shop.startSteps();
  await until("it is restored", async () => (await shop.sagaOf(orderId))!.state.steps.STOCK.status === "RESTORED");
  expect(await shop.sagaOf(orderId)).toMatchObject({ status: "CANCELLED", due_at: null });
}, 180_000);
