import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { RoleName } from "../../consumers/role-names.ts";
import { startRole } from "../../consumers/roles.ts";
import { recordOf } from "../../contracts/event-topics.ts";
import { orderCreated } from "../../contracts/orders/messages.ts";
import type { Money } from "../../contracts/wire/money.ts";
import type { OutgoingRecord } from "../../kafka/kafka.ts";
import { type ConsumerWorld, createWorld, WORLD_MS } from "../consumers/world.ts";
import { until } from "../support/until.ts";
import * as bench from "./bench.ts";
import { anOrder, type Wish } from "./bench.ts";

setDefaultTimeout(180_000);

// The real saga and the real steps, on the contracts' topics: orders that need no payment, from the door's event to their end.
let world: ConsumerWorld;
beforeAll(async () => {
  world = await createWorld();
}, WORLD_MS);
afterAll(() => world.close());

const run = crypto.randomUUID().slice(0, 8);
/** As the door publishes it. Coupon or points pay for all of it, or it costs nothing. */
function placed(wish: Wish & { readonly userId: string }): { orderId: string; record: OutgoingRecord } {
  const { createdAt, ...order } = anOrder(wish);
  const total = order.totalAmount;
  const pointsUsed = order.pointsUsed;
  const amounts = { pointsUsed, discountAmount: (total - pointsUsed) as Money, payableAmount: 0 as Money };
  const data = { ...order, ...amounts, idempotencyKey: order.orderId };
  return { orderId: order.orderId, record: recordOf(orderCreated(data, createdAt)) };
}

test("orders end COMPLETED or CANCELLED for the right reason, and everything that was taken is sold or back", async () => {
  const [plenty, scarce] = [`plenty-${run}`, `scarce-${run}`];
  await bench.newProduct(world, plenty, 1_000);
  await bench.newProduct(world, scarce, 5);
  const couponId = await world.newSale(100);
  await world.load(couponId);
  const EACH = 10;
  const users = (kind: string) => Array.from({ length: EACH }, (_, i) => `${kind}-${run}-${i}`);
  for (const userId of [...users("rich"), ...users("far")]) await bench.newPurse(world, userId, 100);
  for (const userId of users("poor")) await bench.newPurse(world, userId, 99);
  const claims = await world.claim(couponId, ...users("lucky"));
  const kinds: Record<string, Wish> = {
    plain: { items: [[plenty, 1]], total: 0 },
    scarce: {
      items: [
        [plenty, 1],
        [scarce, 1],
      ],
      total: 0,
    },
    rich: { items: [[plenty, 2]], points: 100, total: 100 },
    poor: { items: [[plenty, 2]], points: 100, total: 100 },
    far: { items: [[plenty, 1]], points: 100, total: 100, country: "AQ" },
    lucky: { items: [[plenty, 1]], couponId },
    unlucky: { items: [[plenty, 1]], couponId },
  };
  const orders = Object.entries(kinds).flatMap(([kind, wish]) =>
    users(kind).map((userId) => ({ kind, ...placed({ ...wish, userId }) })),
  );
  const names: RoleName[] = ["order-saga", "stock", "coupon-usage", "points", "shipping", "delayed-commands"];
  const running = names.map((name) => startRole(name, world.neighbours));
  await world.rawProducer.sendAll([...orders, ...orders].map(({ record }) => record));
  await until("the coupons that are not there yet are waited for", async () => {
    const [row] = await world.db.sql<{ n: number }[]>`SELECT count(*)::int AS n FROM delayed_commands`;
    return row!.n > 0;
  });
  await world.settle(claims);

  const ids = `{${orders.map(({ orderId }) => orderId).join(",")}}`;
  await until("all orders are settled", async () => {
    const [row] = await world.db.sql<{ n: number }[]>`
      SELECT count(*)::int AS n FROM orders WHERE id = ANY (${ids}::text[]) AND status IN ('COMPLETED', 'CANCELLED')`;
    return row!.n === orders.length;
  });
  await Promise.all(running.map((role) => role.stop(2_000)));

  const ends = new Map<string, number>();
  const rows = await world.db.sql<{ id: string; status: string; failure_reason: string | null }[]>`
    SELECT id, status, failure_reason FROM orders WHERE id = ANY (${ids}::text[])`;
  const kindOf = new Map(orders.map(({ orderId, kind }) => [orderId, kind]));
  for (const { id, status, failure_reason } of rows) {
    const end = `${kindOf.get(id)} ${failure_reason ?? status}`;
    ends.set(end, (ends.get(end) ?? 0) + 1);
  }
  expect(Object.fromEntries([...ends].sort())).toEqual({
    "far SHIPPING_NOT_SERVED": EACH,
    "lucky COMPLETED": EACH,
    "plain COMPLETED": EACH,
    "poor INSUFFICIENT_POINTS": EACH,
    "rich COMPLETED": EACH,
    "scarce COMPLETED": 5,
    "scarce INSUFFICIENT_STOCK": EACH - 5,
    "unlucky COUPON_NOT_HELD": EACH,
  });
  expect(await bench.unbalancedProducts(world)).toEqual([] as never);
  expect(await bench.unbalancedPurses(world)).toEqual([] as never);
  expect(await bench.stockOf(world, plenty)).toEqual({ stock: 1_000 - 45, reserved: 45 });
  expect(await bench.stockOf(world, scarce)).toEqual({ stock: 0, reserved: 5 });
  const [open] = await world.db.sql<{ n: number }[]>`
    SELECT count(*)::int AS n FROM stock_reservations WHERE status = 'RESERVED'`;
  expect(open!.n).toBe(0);
  expect((await world.rows(couponId)).map(({ status }) => status)).toEqual(users("lucky").map(() => "USED"));
  const purses = await world.db.sql<{ balance: string }[]>`SELECT balance FROM point_balances ORDER BY balance`;
  expect(purses.map(({ balance }) => Number(balance))).toEqual([
    ...users("rich").map(() => 0),
    ...users("poor").map(() => 99),
    ...users("far").map(() => 100),
  ]);
});
