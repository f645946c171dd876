import { afterAll, beforeAll, expect, test } from "bun:test";
import type { UserId } from "../../contracts/ids.ts";
import { moneyOf } from "../../contracts/money.ts";
import type { OrderCreated } from "../../contracts/order-events.ts";
import { until } from "../support/until.ts";
import { anOrder, openShop } from "./order-world.ts";
import { createWorld, WORLD_MS, type World } from "./world.ts";

let world: World;
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
    await until("its owner is told", () => shop.saidOf(ids[1]!).includes("OrderStatusChanged"));
    expect(shop.saidOf(ids[1]!)).toEqual([
      "OrderCreated",
      "CompensationRequired",
      "CompensationCompleted",
      "OrderStatusChanged",
    ]);
    expect([(await shop.sagaOf(ids[0]!))!.status, (await shop.sagaOf(ids[2]!))!.status]).toEqual([
      "COMPLETED",
      "COMPLETED",
    ]);
  },
  180_000,
);
