import { afterAll, beforeAll, expect, test } from "bun:test";
import { type GroupProgress, type SweepDeps, sweep } from "../../consumers/order-sweeper/sweep.ts";
import { stepCompleted, stepRestored } from "../../contracts/orders/messages.ts";
import { findDueSagas, postponeSagas } from "../../db/orders/due.ts";
import { findParkedSteps } from "../../db/steps/parked.ts";
import { until } from "../support/until.ts";
import { anOrder, eventOf, openShop, type SagaShop } from "./order-world.ts";
import { type ConsumerWorld, createWorld, WORLD_MS } from "./world.ts";

let world: ConsumerWorld;
beforeAll(async () => {
  world = await createWorld();
}, WORLD_MS);
afterAll(() => world.close());

const MINUTE = 60_000;

/** A sweeper of one shop, whose clock the test sets. */
function sweeperOf(shop: SagaShop, orderIds: readonly string[]) {
  const progress: GroupProgress = new Map();
  const swept: number[] = [];
  const unread: string[] = [];
  return {
    swept,
    /** Orders that it could not read. */
    unread,
    at(now: number) {
      const deps: SweepDeps = {
        due: async (limit) =>
          (await findDueSagas(world.db.sql, new Date(now), limit)).filter((row) => orderIds.includes(row.orderId)),
        parked: (ids) => findParkedSteps(world.db.sql, ids),
        postpone: (sagas) => postponeSagas(world.db.sql, sagas),
        lags: () => world.admin.groupLag(`group-${shop.outbox}`, [shop.outbox]),
        producer: shop.producer,
        observe: {
          swept: (orders) => void swept.push(orders),
          unreadable: (orderIds) => void unread.push(...orderIds),
        },
        sweepMs: MINUTE,
      };
      return sweep(deps, progress, now);
    },
  };
}

/** An order whose steps were asked and say nothing. */
async function silentOrder(shop: SagaShop) {
  const order = anOrder();
  const { orderId } = order.data;
  await shop.publish(order);
  await until("its steps are asked", () => shop.saidOf(orderId).length === 4);
  return orderId;
}
const asked = (shop: SagaShop, orderId: string) =>
  shop.saidOf(orderId).filter((type) => type.endsWith("Requested")).length;

test("steps are asked again once their group has read the question, and not while it is parked", async () => {
  const shop = await openShop(world);
  shop.startSaga();
  const orderId = await silentOrder(shop);
  const sweeper = sweeperOf(shop, [orderId]);
  const start = Date.now();
  expect(await sweeper.at(start)).toBe(0); // nothing is due yet
  await sweeper.at(start + MINUTE + 1_000);
  expect(sweeper.swept).toEqual([0]); // the commands were not read: they are not lost, only late
  // A group that reads and answers nothing: the commands are lost.
  const deaf = world.run({ ...shop.role, handle: async () => [] }, shop.outbox);
  await until("they are read", async () => (await world.lag(shop.outbox)) === 0);
  await deaf.stop(2_000);
  await world.db.sql`
    INSERT INTO delayed_commands (event_id, order_id, step, topic, value, reason, due_at)
    VALUES (${crypto.randomUUID()}, ${orderId}, 'COUPON', 'coupon-events', '', 'test', now())`;
  shop.startSteps();
  await sweeper.at(start + 4 * MINUTE);
  expect(sweeper.swept).toEqual([0, 1]);
  await until("stock and points are asked again", () => asked(shop, orderId) === 3 + 2);
  await until("they answer", async () => (await shop.sagaOf(orderId))?.state.steps.POINT.status === "COMPLETED");
  await world.db.sql`DELETE FROM delayed_commands WHERE order_id = ${orderId}`;
  await sweeper.at(start + 4 * MINUTE + 1_000);
  expect(sweeper.swept).toEqual([0, 1]); // not yet: it waits twice as long after each
  await sweeper.at(start + 7 * MINUTE);
  await shop.settled(orderId);
  const spoken = shop.said.filter(({ type }) => type === "DeadlinePassed");
  expect(spoken.map(({ sequence, data }) => [sequence, (data as { resend: string[] }).resend.toSorted()])).toEqual([
    [1, ["POINT", "STOCK"]],
    [2, ["COUPON"]],
  ]);
  expect(await shop.sagaOf(orderId)).toMatchObject({ status: "COMPLETED", due_at: null });
}, 180_000);

test("silent steps are given up at ORDER_SETTLE_S, not before, and restored; sweepers that meet say the same", async () => {
  const shop = await openShop(world, { deadlines: { sweepMs: MINUTE, settleMs: 15 * MINUTE } });
  shop.startSaga();
  const orderId = await silentOrder(shop);
  const [one, two] = [sweeperOf(shop, [orderId]), sweeperOf(shop, [orderId])];
  const start = Date.now();
  await one.at(start + 14 * MINUTE);
  expect((await shop.sagaOf(orderId))!.due_at!.getTime()).toBeLessThanOrEqual(start + 15 * MINUTE);
  expect(one.swept).toEqual([0]);
  await Promise.all([one.at(start + 16 * MINUTE), two.at(start + 16 * MINUTE)]);
  await until("its restores are asked for", () => shop.saidOf(orderId).includes("StockRestoreRequested"));
  const spoken = shop.said.filter(({ type }) => type === "DeadlinePassed");
  expect(new Set(spoken.map(({ eventId }) => eventId)).size).toBe(1);
  expect(spoken[0]!.data).toMatchObject({ giveUp: true });
  const [row] = await world.db.sql`SELECT attempts FROM order_sagas WHERE order_id = ${orderId}`;
  expect(row).toEqual({ attempts: 1 });
  shop.startSteps();
  await shop.settled(orderId);
  const { state } = (await shop.sagaOf(orderId))!;
  expect(state).toMatchObject({ status: "CANCELLED", failure: { reason: "STEP_TIMED_OUT" } });
  expect(await shop.orderOf(orderId)).toMatchObject({ status: "CANCELLED", failure_reason: "STEP_TIMED_OUT" });
}, 180_000);

test("an order whose state a newer release wrote holds up no other: the sweeper looks at it again later", async () => {
  const shop = await openShop(world);
  shop.startSaga();
  const [newer, other] = [await silentOrder(shop), await silentOrder(shop)];
  await world.db.sql`
    UPDATE order_sagas SET state = jsonb_set(state::jsonb, '{version}', '99')::json, version = version + 1
    WHERE order_id = ${newer}`;
  const sweeper = sweeperOf(shop, [newer, other]);
  const start = Date.now();
  expect(await sweeper.at(start + 16 * MINUTE)).toBe(2);
  expect(sweeper.unread).toEqual([newer]);
  expect(sweeper.swept).toEqual([1]);
  expect(await sweeper.at(start + 16 * MINUTE)).toBe(0); // both have a later date
  await until("the other is given up", () => shop.saidOf(other).includes("StockRestoreRequested"));
  // The saga meets an event of it beside one of the other: that one goes on, this one is put aside.
  const about = (orderId: string) => ({
    orderId: orderId as never,
    step: "STOCK" as const,
    at: start,
    causationId: "x",
  });
  await shop.publish(stepCompleted(about(newer)), stepRestored(about(other), true));
  await until("the other goes on", async () => (await shop.sagaOf(other))!.state.steps.STOCK.status === "RESTORED");
  const [letter] = await world.read(`${shop.inbox}.DLT`, 1);
  expect(eventOf(letter!)).toMatchObject({ type: "StockDeductionCompleted", aggregateId: newer });
  await until("the inbox is read to its end", async () => (await world.lag(shop.inbox)) === 0);
}, 180_000);
