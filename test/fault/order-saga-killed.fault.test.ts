import { afterAll, beforeAll, expect, test } from "bun:test";
import { recordOf } from "../../contracts/event-topics.ts";
import type { OrderCreated } from "../../contracts/orders/events.ts";
import type { ProductId } from "../../contracts/orders/ids.ts";
import { moneyOf } from "../../contracts/wire/money.ts";
import { createBunKafka } from "../../kafka/bun/kafka.ts";
import { anOrder } from "../consumers/order-world.ts";
import type { TestProcess } from "../support/processes.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

let system: System;
beforeAll(async () => {
  // The broker notices after its session that a member was killed; this is the shortest it accepts.
  const consumersEnv = { KAFKA_PROPERTIES: "session.timeout.ms=6000" };
  system = await startSystem("saga_killed", { gateways: 0, consumers: false, consumersEnv });
  await system.addConsumers(["stock", "points", "shipping", "order-sweeper", "notify"]);
}, 180_000);
afterAll(() => system?.close(), 180_000);

const KILLED = 128 + 9;
const ORDERS = 120;
const STOCK = 80;
const POINTS = 1_000;
const saga = (faultPoint = ""): Promise<TestProcess> =>
  system.addConsumers(["order-saga"], { FAULT_POINT: faultPoint });

/** Orders of one piece each, paid with points, of more people than there are pieces; the door's part is the test's. */
async function placeOrders(): Promise<{ sku: string; orders: readonly OrderCreated[] }> {
  const sku = `sku-${crypto.randomUUID().slice(0, 8)}`;
  const items = [{ productId: sku as ProductId, quantity: 1, unitPrice: moneyOf(POINTS) }];
  const amounts = {
    totalAmount: moneyOf(POINTS),
    discountAmount: moneyOf(0),
    pointsUsed: moneyOf(POINTS),
    payableAmount: moneyOf(0),
  };
  const orders = Array.from({ length: ORDERS }, () => anOrder({ items, flashItems: [], couponId: null, ...amounts }));
  const users = orders.map(({ data }) => data.userId);
  await system.sql`INSERT INTO products (id, name, stock, price) VALUES (${sku}, 'one of few', ${STOCK}, ${POINTS})`;
  await system.sql`
    INSERT INTO point_balances (user_id, balance) SELECT unnest(${`{${users.join(",")}}`}::text[]), ${POINTS}`;
  const producer = createBunKafka({ brokers: system.stack.env.KAFKA_BROKERS, clientId: "door" }).producer();
  await producer.sendAll(orders.map(recordOf));
  await producer.close();
  return { sku, orders };
}

const settledOf = async (orders: readonly OrderCreated[]) => {
  const ids = `{${orders.map(({ data }) => data.orderId).join(",")}}`;
  return await system.sql<{ user_id: string; status: string; failure_reason: string | null }[]>`
    SELECT user_id, status, failure_reason FROM orders
    WHERE id = ANY (${ids}::text[]) AND status IN ('COMPLETED', 'CANCELLED')`;
};

/** Every order ended, each piece is sold once, who got none has their points, and each owner was told once how it ended. */
async function allIsRight(sku: string, orders: readonly OrderCreated[]): Promise<void> {
  await until("all orders are settled", async () => (await settledOf(orders)).length === ORDERS);
  const rows = await settledOf(orders);
  const won = rows.filter(({ status }) => status === "COMPLETED").map(({ user_id }) => user_id);
  expect(won.length).toBe(STOCK);
  const reasons = new Set(rows.filter(({ status }) => status === "CANCELLED").map((row) => row.failure_reason));
  expect([...reasons]).toEqual(["INSUFFICIENT_STOCK"]);
  const [left] = await system.sql`
    SELECT stock, (SELECT quantity::int FROM product_sales WHERE product_id = ${sku}) AS sold,
           (SELECT count(*)::int FROM stock_reservations WHERE product_id = ${sku} AND status = 'CONFIRMED') AS confirmed
    FROM products WHERE id = ${sku}`;
  expect(left).toEqual({ stock: 0, sold: STOCK, confirmed: STOCK });
  const users = `{${orders.map(({ data }) => data.userId).join(",")}}`;
  const restored = async () => {
    const [row] = await system.sql`
      SELECT count(*) FILTER (WHERE balance = ${POINTS})::int AS full, count(*) FILTER (WHERE balance = 0)::int AS spent
      FROM point_balances WHERE user_id = ANY (${users}::text[])`;
    return row;
  };
  expect(await restored()).toEqual({ full: ORDERS - STOCK, spent: STOCK });
  const endOf = async (userId: string) => {
    const entries = await system.redis.xrange(`{u:${userId}}:inbox`, "-", "+");
    const messages = entries.map(([, fields]) => JSON.parse(fields[1]!) as { status: string });
    return messages.map(({ status }) => status).filter((status) => status !== "COMPENSATING");
  };
  for (const { user_id, status } of rows) {
    await until(`${user_id} is told`, async () => (await endOf(user_id)).length > 0);
    expect(await endOf(user_id)).toEqual([status]);
  }
}

test.each(["saga:committed", "saga:published"])(
  "killed at %s: the next one carries on, nothing is done or told twice",
  async (point) => {
    const doomed = await saga(point);
    const { sku, orders } = await placeOrders();
    expect(await doomed.exited).toBe(KILLED);
    const sound = await saga();
    await allIsRight(sku, orders);
    await sound.stop();
  },
  180_000,
);

test("killed in the middle of the work, and of two processes", async () => {
  const [one, two] = await Promise.all([saga(), saga()]);
  const { sku, orders } = await placeOrders();
  await until("some are settled", async () => (await settledOf(orders)).length > 0);
  one!.kill("SIGKILL");
  await allIsRight(sku, orders);
  await two!.stop();
}, 180_000);
