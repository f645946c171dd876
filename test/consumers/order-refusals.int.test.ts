import { afterAll, beforeAll, expect, test } from "bun:test";
import type { OrderCreated } from "../../contracts/orders/events.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import { moneyOf } from "../../contracts/wire/money.ts";
import { knownOrders } from "../../db/orders/known.ts";
import { until } from "../support/until.ts";
import { anOrder, openShop } from "./order-world.ts";
import { type ConsumerWorld, createWorld, WORLD_MS } from "./world.ts";

let world: ConsumerWorld;
beforeAll(async () => {
  world = await createWorld();
}, WORLD_MS);
afterAll(() => world.close());

test.each(["smaller", "greater"])(
  "another order holds the key: CANCELLED, its owner told, the first (of the %s id) untouched",
  async (which) => {
    const together = [anOrder(), anOrder()].map(({ data }) => data.orderId).sort();
    if (which === "greater") together.reverse();
    const userId = `user-${crypto.randomUUID().slice(0, 8)}` as UserId;
    const shop = await openShop(world);
    const [first, second] = together.map((orderId) => anOrder({ userId, orderId })) as [OrderCreated, OrderCreated];
    await shop.publish(first, second);
    shop.startSaga();
    await until("the second is told", () => shop.saidOf(second.data.orderId).includes("OrderStatusChanged"));
    expect(await shop.orderOf(second.data.orderId)).toMatchObject({
      status: "CANCELLED",
      failure_reason: "IDEMPOTENCY_KEY_REUSED",
      idempotency_key: null,
    });
    expect(await shop.orderOf(first.data.orderId)).toMatchObject({ status: "PROCESSING", idempotency_key: "key-1" });
  },
  180_000,
);

test.each([
  ["amounts that do not add up", { payableAmount: moneyOf(1) }],
  ["text that PostgreSQL can't hold", { shipping: { country: "DE", name: "a\0b" } }],
])(
  "%s: the order is CANCELLED, its owner told, and its batch goes on",
  async (_, change) => {
    const shop = await openShop(world);
    const [before, bad, after] = [anOrder(), anOrder({ ...change, source: "cart" }), anOrder()];
    await shop.publish(before, bad, after);
    shop.startSaga();
    shop.startSteps();
    const ids = [before, bad, after].map(({ data }) => data.orderId);
    await shop.settled(...ids);
    expect((await shop.sagaOf(ids[1]!))!.state).toMatchObject({ status: "CANCELLED", failure: { reason: "INTERNAL" } });
    await until("its owner is told", () => shop.saidOf(ids[1]!).includes("OrderCancelled"));
    expect(shop.saidOf(ids[1]!)).toEqual([
      "OrderCreated",
      "CompensationRequired",
      "CompensationCompleted",
      "OrderStatusChanged",
      "OrderCancelled",
    ]);
    expect([(await shop.sagaOf(ids[0]!))!.status, (await shop.sagaOf(ids[2]!))!.status]).toEqual([
      "COMPLETED",
      "COMPLETED",
    ]);
  },
  180_000,
);

test("an order that can't be read is CANCELLED and its owner told, once; its batch goes on; PostgreSQL has it", async () => {
  const shop = await openShop(world);
  const [before, bad, after] = [anOrder(), anOrder(), anOrder()];
  const { orderId, userId, totalAmount } = bad.data;
  const unreadable = { ...bad, sequence: "one", data: { ...bad.data, items: "three of them", payment: null } };
  await shop.publish(before, unreadable as never, after, unreadable as never);
  shop.startSaga();
  shop.startSteps();
  const ids = [before, after].map(({ data }) => data.orderId);
  await shop.settled(...ids, orderId);
  const { state } = (await shop.sagaOf(orderId))!;
  expect(state).toMatchObject({ status: "CANCELLED", failure: { reason: "INTERNAL" } });
  expect(state.order).toMatchObject({ userId, totalAmount, items: [] });
  const told = shop.said.filter(({ type, aggregateId }) => type === "OrderStatusChanged" && aggregateId === orderId);
  expect(new Set(told.map(({ eventId }) => eventId)).size).toBe(1);
  expect(told[0]!.data).toMatchObject({ userId, status: "CANCELLED", reason: "INTERNAL" });
  // The relay stops sending it, and it becomes no dead letter.
  expect(await knownOrders(world.db.sql, [orderId])).toEqual(new Set([orderId]));
  expect(world.lines.filter(({ message }) => message === "dead letter")).toEqual([]);
}, 180_000);
