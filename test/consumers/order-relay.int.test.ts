import { afterAll, beforeAll, expect, test } from "bun:test";
import { startOrderRelay } from "../../consumers/order-relay/start.ts";
import type { OrderCreated } from "../../contracts/orders/events.ts";
import { orderBucket, orderLedgerKey } from "../../lua/keys.ts";
import { orderLedgerLengths } from "../../lua/order-ledger.ts";
import { createPlacedOrders } from "../../lua/placed-orders.ts";
import { placedBy } from "../lua/placed.ts";
import { until } from "../support/until.ts";
import { type ConsumerWorld, createWorld, WORLD_MS } from "./world.ts";

let world: ConsumerWorld;
beforeAll(async () => {
  world = await createWorld({ environment: { RELAY_EVERY_MS: "50" } });
}, WORLD_MS);
afterAll(() => world.close());

const run = `${process.pid}-${Date.now()}`;
const user = (name: string) => `${name}-${run}`;
const place = (order: OrderCreated) => createPlacedOrders(world.redis).place(order);
const pending = async ({ data }: OrderCreated) =>
  (await createPlacedOrders(world.redis).pending(data.userId, data.orderId)) !== null;
const timesSent = ({ data }: OrderCreated) =>
  world.sent.filter(({ value }) => String(value).includes(data.orderId)).length;
const arrive = ({ data }: OrderCreated) => world.db.sql`
  INSERT INTO orders (id, user_id, total_amount, payable_amount) VALUES (${data.orderId}, ${data.userId}, 500, 500)`;

test("an order that PostgreSQL has leaves the ledger unsent; one that it lacks is sent as it was placed, and leaves when it arrived", async () => {
  const [here, absent] = [placedBy(user("here"), "k"), placedBy(user("absent"), "k")];
  await place(here);
  await arrive(here);
  await place(absent);
  const relay = startOrderRelay(world.neighbours);
  await until("the absent one is sent", () => timesSent(absent) > 0);
  const [record] = world.sent.filter(({ value }) => String(value).includes(absent.data.orderId));
  expect(record).toMatchObject({ topic: "order-events", key: absent.data.userId });
  expect(JSON.parse(record!.value as string)).toEqual(absent);
  await until("the one that is there has left", async () => !(await pending(here)));
  expect(timesSent(here)).toBe(0);
  expect(await pending(absent)).toBe(true);
  await arrive(absent);
  await until("the other has left, too", async () => !(await pending(absent)));
  await relay.stop(1_000);
});

test("an order that is younger than LEDGER_AGE_MS is left to its gateway; one that is waited for is not sent with every round", async () => {
  const order = placedBy(user("young"), "k");
  // Twenty rounds long; an order is sent again after several times as much.
  const ageMs = 1_000;
  const relay = startOrderRelay({ ...world.neighbours, config: { ...world.config, LEDGER_AGE_MS: ageMs } });
  const placedAt = performance.now();
  await place(order);
  const sent = async (times: number) => {
    await until(`it is sent ${times} times`, () => timesSent(order) >= times);
    return performance.now();
  };
  const first = await sent(1);
  // With every round it would be sent after 50 ms; once more it is, because it may be lost.
  expect((await sent(2)) - first).toBeGreaterThan(ageMs);
  expect(first - placedAt).toBeGreaterThan(ageMs - 100);
  await arrive(order);
  await until("it has left", async () => !(await pending(order)));
  await relay.stop(1_000);
});

test("a saga that has seen only a request to cancel is no order; a saga with its order is", async () => {
  const order = placedBy(user("early"), "k");
  const saga = (state: object) => world.db.sql`
    INSERT INTO order_sagas (order_id, status, state) VALUES (${order.data.orderId}, 'PENDING', ${JSON.stringify(state)}::text::json)
    ON CONFLICT (order_id) DO UPDATE SET state = EXCLUDED.state`;
  await saga({ version: 1, order: null });
  await place(order);
  const relay = startOrderRelay(world.neighbours);
  await until("it is sent", () => timesSent(order) > 0);
  expect(await pending(order)).toBe(true);
  await saga({ version: 1, order: { orderId: order.data.orderId } });
  await until("it has left", async () => !(await pending(order)));
  await relay.stop(1_000);
});

test("two relays and a thousand orders: all leave; entries that are no orders stay and are named", async () => {
  const orders = Array.from({ length: 1_000 }, (_, i) => placedBy(user(`many-${i % 50}`), `k${i}`));
  await Promise.all(orders.map(place));
  const bucket = orderBucket(orders[0]!.data.userId);
  await world.redis.xadd(orderLedgerKey(bucket), "*", "o", "nonsense");
  const relays = [startOrderRelay(world.neighbours), startOrderRelay(world.neighbours)];
  await world.db.sql`
    INSERT INTO orders (id, user_id, total_amount, payable_amount)
    SELECT id, 'x', 1, 1 FROM unnest(${`{${orders.map(({ data }) => data.orderId).join(",")}}`}::text[]) AS id`;
  await until("the ledgers are empty", async () => {
    return (await orderLedgerLengths(world.redis)).reduce((sum, length) => sum + length, 0) === 1;
  });
  // It came last, so it may be too young for the round that found all the others.
  await until("what stays is named", () =>
    world.lines.some(({ level, fields }) => level === "error" && fields.bucket === bucket),
  );
  await Promise.all(relays.map((relay) => relay.stop(1_000)));
});
