import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { Product } from "../../contracts/shop/http-catalogue.ts";
import { createDatabase, type Database } from "../../db/client.ts";
import { readBooks } from "../../verify/orders/books.ts";
import { call, claim } from "../support/client.ts";
import { createProduct, placeOrder } from "../support/orders.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";
import { verify } from "../support/verify.ts";

setDefaultTimeout(180_000);

let system: System;
let database: Database;
let mug: Product;
let rare: Product;
beforeAll(async () => {
  system = await startSystem("moving_orders", { gatewayEnv: { USER_RATE_BURST: "1000" }, payments: {} });
  database = createDatabase(system.databaseUrl, { max: 1, name: "moving-orders" });
  mug = await createProduct(system, { stock: 100_000 });
  rare = await createProduct(system, { name: "Rare", stock: 10, flash: true });
}, 180_000);
afterAll(async () => {
  await database?.close();
  await system?.close();
});

const USERS = 24;
const ENDINGS = ["COMPLETED", "CANCELLED_BY_USER", "PAYMENT_DECLINED", "SHIPPING_NOT_SERVED"];
const lines = (...products: Product[]) => ({ items: products.map(({ id }) => ({ productId: id, quantity: 2 })) });
/** Orders that end in every way, each user's in turn. */
const wishes = () => [
  lines(mug),
  { ...lines(mug), pointsToUse: 500 },
  { ...lines(mug), pointsToUse: 500, payment: { token: "tok_decline" } },
  { ...lines(mug), pointsToUse: 2_500 },
  lines(mug, rare),
  { ...lines(mug), pointsToUse: 100, shipping: { country: "DE", postalCode: "REFUSE" } },
  { ...lines(mug), payment: { token: "tok_timeout_charged" } },
  { ...lines(mug), payment: { token: "tok_slow" } },
];

/** One user, who orders and now and then cancels until `stop` fires; with a coupon until it is used. */
async function shop(user: string, couponId: string, stop: AbortSignal): Promise<number> {
  const token = system.token(user);
  let placed = 0;
  for (let i = placed; !stop.aborted; i++) {
    const wish = wishes()[i % wishes().length]!;
    const { status, body } = await placeOrder(system, user, i % 3 === 0 ? { ...wish, couponId } : wish);
    if (status !== 202) continue; // sold out, or the coupon is used
    placed++;
    if (i % 5 === 0) await call(`${system.url}/orders/${body.orderId}/cancel`, { method: "POST", token });
    await Bun.sleep(20);
  }
  return placed;
}

test("orders that are under way while everything is checked are not accused of anything", async () => {
  const { sql, stack, databaseUrl, provider } = system;
  const sale = await system.createSale({ total: 1_000 });
  const users = Array.from({ length: USERS }, (_, i) => `mover-${i}`);
  await until("the sale is open", async () => (await claim(system.url, sale.id, system.token("first"))).status < 300);
  for (const userId of users) {
    await claim(system.url, sale.id, system.token(userId));
    const json = { userId, amount: 20_000, reason: "a gift" };
    expect((await call(`${system.url}/admin/points/grants`, { token: system.operator, json })).status).toBe(201);
  }
  const env = { ...stack.env, DATABASE_URL: databaseUrl, PAYMENT_PROVIDER_URL: provider.url };
  const accused: unknown[] = [];
  const look = async () => {
    const { checks } = await verify(env, { recheckMs: 300, consumersUp: true });
    accused.push(...checks.filter(({ ok }) => !ok));
    return checks;
  };
  /** Snapshots in which orders were under way. */
  let moving = 0;
  /** A snapshot every now and then. */
  const snapshots = async (until: AbortSignal) => {
    while (!until.aborted) {
      const { counts, verdicts } = await database.sql.begin("isolation level repeatable read", (tx) =>
        readBooks(tx, 0),
      );
      accused.push(...verdicts.filter(({ violations }) => violations.length > 0));
      if (counts.open > 0) moving++;
      await Bun.sleep(50); // or the orders would have no machine left
    }
  };
  const stop = new AbortController();
  const shopping = users.map((user) => shop(user, sale.id, stop.signal));
  const reading = snapshots(stop.signal);
  /** Until there have been orders of every ending, and enough of them. */
  const isEnough = async () => {
    const [row] = await sql<{ endings: number; orders: number }[]>`
      SELECT count(DISTINCT coalesce(failure_reason, status))
               FILTER (WHERE coalesce(failure_reason, status) = ANY (${`{${ENDINGS.join(",")}}`}::text[]))::int AS endings,
             count(*) FILTER (WHERE status = 'COMPLETED')::int AS orders
      FROM orders`;
    return row!.endings === ENDINGS.length && row!.orders > 3 * USERS;
  };
  let looks = 0;
  const begun = performance.now();
  const lasted = () => performance.now() - begun;
  while (lasted() < 5_000 || looks < 3 || moving < 6 || (!(await isEnough()) && lasted() < 90_000)) {
    await look();
    looks++;
  }
  stop.abort();
  const placed = (await Promise.all(shopping)).reduce((sum, count) => sum + count, 0);
  await reading;
  expect(accused).toEqual([]);
  expect(placed).toBeGreaterThan(USERS);

  // It gets quiet, and the books are the same.
  const settled = async () => {
    const [row] = await sql`
      SELECT count(*)::int AS n FROM orders WHERE status IN ('COMPLETED', 'CANCELLED')`;
    return row!.n === placed;
  };
  await until("all orders are settled", settled);
  const checks = await look();
  expect(accused).toEqual([]);
  const examined = Object.fromEntries(checks.map((check) => [check.name, check.examined]));
  expect(examined["payments-match"]).toBeGreaterThan(USERS);
  expect(examined["provider-agrees"]).toBeGreaterThan(USERS);
  expect(examined["order-told"]).toBeGreaterThan(USERS);
  expect(examined["coupons-match"]).toBeGreaterThan(0);
  const ends = await sql`SELECT DISTINCT coalesce(failure_reason, status) AS how FROM orders`;
  expect(ends.map(({ how }) => how)).toEqual(expect.arrayContaining([...ENDINGS]));
});
