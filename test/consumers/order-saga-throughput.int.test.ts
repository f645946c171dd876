import { afterAll, beforeAll, expect, test } from "bun:test";
import { until } from "../support/until.ts";
import { anOrder, answering, openShop } from "./order-world.ts";
import { type ConsumerWorld, createWorld, WORLD_MS } from "./world.ts";

let world: ConsumerWorld;
beforeAll(async () => {
  world = await createWorld();
}, WORLD_MS);
afterAll(() => world.close());

const ORDERS = 1_000;

test("how many events the role alone handles a second", async () => {
  const shop = await openShop(world);
  const orders = Array.from({ length: ORDERS }, () => anOrder());
  // The steps' results are made beforehand: what is measured is the role, not its neighbours.
  const step = answering();
  const results = orders.flatMap(({ data: { orderId } }) =>
    (
      [
        "StockDeductionRequested",
        "CouponUsageRequested",
        "PointDeductionRequested",
        "PaymentRequested",
        "ShippingRequested",
      ] as const
    ).map(
      (type) =>
        step({
          type,
          eventId: `${type}:${orderId}`,
          occurredAt: new Date().toISOString(),
          data: { orderId },
        } as never)!,
    ),
  );
  const events = orders.length + results.length;
  const warm = anOrder();
  shop.startSaga();
  await shop.publish(warm);
  await until("the role is at work", () => shop.saidOf(warm.data.orderId).length > 1);
  const read = () => until("all is read", async () => (await world.lag(shop.inbox)) === 0);
  const begun = performance.now();
  await shop.publish(...orders);
  await read();
  // A step's result may be handled before its question went out: the saga takes it for what it is.
  await shop.publish(...results);
  await read();
  const seconds = (performance.now() - begun) / 1_000;
  await shop.settled(...orders.map(({ data }) => data.orderId));
  console.log(
    `order-saga alone: ${events} events in ${seconds.toFixed(2)} s, ${Math.round(events / seconds)} a second, ${Math.round(ORDERS / seconds)} orders a second`,
  );
  expect(events).toBe(6 * ORDERS);
}, 180_000);
