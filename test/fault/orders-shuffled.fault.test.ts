import { afterAll, beforeAll, expect, test } from "bun:test";
import type { RoleName } from "../../consumers/role-names.ts";
import { startRole } from "../../consumers/roles.ts";
import { createBunKafka } from "../../kafka/bun/kafka.ts";
import { type ConsumerWorld, createWorld } from "../consumers/world.ts";
import { type ChaoticProducer, createChaoticProducer } from "../support/chaotic-producer.ts";
import { complaints, outstanding } from "../support/order-books.ts";
import { gatherCrowd, KIND_NAMES, type OrderCrowd, orderAll } from "../support/order-crowd.ts";
import { ORDER_TOPICS, recordsOf } from "../support/order-log.ts";
import { logIsRead, ordersKept } from "../support/orders-kept.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

// The real roles on the real services, with messages that come in any order and again. Below the whole path: the saga alone
// in fifty kinds of trouble (test/saga), each step's row (test/steps/outcomes, property).
let system: System;
beforeAll(async () => {
  system = await startSystem("orders_shuffled", { consumers: false, payments: {} });
}, 180_000);
afterAll(() => system?.close(), 180_000);

const CHAOTIC: readonly RoleName[] = ["order-saga", "order-sweeper", "delayed-commands"];
const STEPS: readonly RoleName[] = ["stock", "coupon-usage", "points", "payment", "shipping"];
const OTHERS: readonly RoleName[] = [
  "coupon-persist",
  "claim-relay",
  "sale-loader",
  "notify",
  "order-relay",
  "admission",
];

/** Everything an order has written, as one text per table. */
async function rows(): Promise<Record<string, string>> {
  const tables = {
    orders: "id",
    order_sagas: "order_id",
    step_outcomes: "order_id, step",
    stock_reservations: "order_id, product_id",
    products: "id",
    product_sales: "product_id",
    point_ledger: "id",
    user_coupons: "id",
    payments: "id",
    shipments: "id",
  };
  const texts = Object.entries(tables).map(async ([table, by]) => {
    const [row] = await system.sql.unsafe(`SELECT json_agg(t ORDER BY ${by})::text AS text FROM ${table} t`);
    return [table, row!.text] as const;
  });
  return Object.fromEntries(await Promise.all(texts));
}

/** How often each was told how their order stands. Other news may come twice. */
const told = ({ customers }: OrderCrowd) =>
  Promise.all(
    customers.map(async ({ userId }) => {
      const entries = await system.redis.xrange(`{u:${userId}}:inbox`, "-", "+");
      return entries.filter(([, fields]) => JSON.parse(fields[1]!).type === "order.status").length;
    }),
  );

test("messages in any order across topics, each up to three times, steps given up while their commands are on their way: every order settles, every book balances", async () => {
  const world: ConsumerWorld = await createWorld({
    redisUrl: system.stack.env.REDIS_URL,
    databaseUrl: system.databaseUrl,
    environment: {
      KAFKA_BROKERS: system.stack.env.KAFKA_BROKERS,
      PAYMENT_PROVIDER_URL: system.provider.url,
      SHIPPING_SIMULATE_REFUSAL: "true",
      PAYMENT_TIMEOUT_MS: "500",
      PAYMENT_RETRY_MS: "200",
      PAYMENT_BREAKER_MS: "200",
      ORDER_SETTLE_S: "2",
      ORDER_SWEEP_MS: "300",
      SWEEPER_EVERY_MS: "100",
    },
  });
  const chaos: ChaoticProducer = createChaoticProducer(world.rawProducer);
  const others = await system.addConsumers(OTHERS);
  const crowd = await gatherCrowd(system, { customers: KIND_NAMES.length * 10, scarce: 5, tickets: 5 });
  const roles = [...CHAOTIC, ...STEPS].map((name) => startRole(name, { ...world.neighbours, producer: chaos }));
  const begun = Date.now();
  await orderAll(system, crowd, { urlFor: () => system.url });
  const placed = crowd.customers.filter(({ orderId }) => orderId !== undefined).length;
  const wrong: string[] = [];
  await until(
    "everything has been said, and heard",
    async () => {
      await Bun.sleep(200);
      wrong.push(...(await complaints(system.sql)));
      const [row] = await system.sql<{ open: number }[]>`
        SELECT ${placed}::int - count(*)::int AS open FROM orders WHERE settled_at IS NOT NULL`;
      const owed = Object.values(await outstanding(system.sql));
      return chaos.waiting() === 0 && [row!.open, ...owed].every((count) => count === 0);
    },
    120_000,
  );
  expect(wrong).toEqual([]); // at any of these looks
  const { sent, repeated, overtaken } = chaos.counts;
  expect(overtaken).toBeGreaterThan(sent / 4);
  // How many restores overtook their commands depends on the machine; order-deadlines has one that must.
  const [row] = await system.sql<{ tombstones: number }[]>`
    SELECT count(*)::int AS tombstones FROM step_outcomes WHERE outcome = 'TOMBSTONE'`;
  const fault = `${sent} messages in any order, ${repeated} of them again, ${row!.tombstones} tombstones`;
  await ordersKept(system, crowd, { alsoEnds: ["STEP_TIMED_OUT"], fault, healedAt: begun });
  await Promise.all(roles.map((role) => role.stop(5_000)));
  await Promise.all([world.close(), others.stop()]);
}, 180_000);

test("every record of every topic of orders twice more, in any order: nothing changes, and no message is sent again", async () => {
  await system.addConsumers();
  const crowd = await gatherCrowd(system, { customers: KIND_NAMES.length * 3 });
  await orderAll(system, crowd, { urlFor: () => system.url });
  await ordersKept(system, crowd, { scarce: 3, tickets: 3 });
  const [before, toldBefore, records] = await Promise.all([rows(), told(crowd), recordsOf(system, ORDER_TOPICS)]);
  const producer = createBunKafka({ brokers: system.stack.env.KAFKA_BROKERS, clientId: "test" }).producer();
  const again = [...records, ...records].map((record) => ({ record, at: Math.random() })).sort((a, b) => a.at - b.at);
  for (let i = 0; i < again.length; i += 500) {
    await producer.sendAll(
      again.slice(i, i + 500).map(({ record: { topic, key, value, headers } }) => ({ topic, key, value, headers })),
    );
  }
  await producer.close();
  await logIsRead(system);
  await ordersKept(system, crowd, { scarce: 3, tickets: 3, fault: `${again.length} records delivered again` });
  const after = await rows();
  for (const [table, text] of Object.entries(before)) expect({ table, text: after[table] }).toEqual({ table, text });
  expect(await told(crowd)).toEqual(toldBefore);
}, 180_000);
