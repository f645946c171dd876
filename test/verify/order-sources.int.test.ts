import { afterAll, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import type { OrderCreated } from "../../contracts/orders/events.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import { createDatabase, type Database } from "../../db/client.ts";
import { createInbox } from "../../lua/inbox.ts";
import { orderBucket, orderLedgerKey } from "../../lua/keys.ts";
import { createRedis, type RedisConnection } from "../../lua/redis.ts";
import type { CheckResult } from "../../verify/check.ts";
import { checkProvider } from "../../verify/orders/check-provider.ts";
import { checkToldEnds } from "../../verify/orders/told-ends.ts";
import { checkWaitingOrders } from "../../verify/orders/waiting-orders.ts";
import { letter } from "../lua/inbox-message.ts";
import { placedBy } from "../lua/placed.ts";
import { freshDatabase, type TestDatabase } from "../support/postgres.ts";
import { type RedisServer, startRedis, UNHURRIED } from "../support/redis.ts";
import { createHealthyOrders, type HealthyOrders } from "./healthy-orders.ts";
import { openShop, type VerifiedShop } from "./shop.ts";

setDefaultTimeout(180_000);

let server: RedisServer;
let place: TestDatabase;
let database: Database;
let redis: RedisConnection;
let shop: VerifiedShop;
let healthy: HealthyOrders;
beforeAll(async () => {
  [server, place] = await Promise.all([startRedis(), freshDatabase()]);
  database = createDatabase(place.url, { max: 4, name: "books-test" });
  redis = createRedis(server.url, { name: "books-test", ...UNHURRIED });
  shop = openShop(database.sql);
  healthy = await createHealthyOrders(database.sql, shop);
}, 180_000);
beforeEach(() => redis.flushall());
afterAll(async () => {
  redis?.disconnect();
  await shop?.close();
  await database?.close();
  await place?.drop();
  await server?.remove();
});

const wrong = (verdicts: readonly CheckResult[]) =>
  Object.fromEntries(verdicts.flatMap(({ name, violations }) => (violations.length === 0 ? [] : [[name, violations]])));

const STUCK_MS = 30_000;
let entries = 0;
/** An order in the ledger, as order-place.lua writes it. @returns its order's id */
async function inLedger({ data }: OrderCreated, ageMs: number, event?: string): Promise<string> {
  const id = `${Date.now() - ageMs}-${++entries}`;
  const created = event ?? JSON.stringify({ type: "OrderCreated", data });
  await redis.xadd(orderLedgerKey(orderBucket(data.userId)), id, "o", data.orderId, "u", data.userId, "e", created);
  return data.orderId;
}
const waiting = (unread = 0, stuckMs: number | null = STUCK_MS) =>
  checkWaitingOrders({ redis, sql: database.sql, stuckMs, patienceMs: 0, unread: async () => unread });

test("a young order is on its way; an old one that PostgreSQL does not have is lost, once the log is read", async () => {
  await inLedger(placedBy("young", "k"), 1_000);
  expect(wrong(await waiting())).toEqual({});
  const lost = await inLedger(placedBy("old", "k"), 60_000);
  expect(wrong(await waiting())).toEqual({ "order-persisted": [`order ${lost}`] });
  const behind = await waiting(7);
  expect(wrong(behind)).toEqual({});
  expect(behind[0]).toMatchObject({
    examined: 2,
    note: "1 orders have waited for long; the saga has 7 records of the log to read",
  });
});

test("an old order that PostgreSQL has should have left; what is no order stays, and is named", async () => {
  const { data } = placedBy("paid", "k");
  const stuck = await inLedger({ ...placedBy("paid", "k"), data: { ...data, orderId: healthy.orders.paid } }, 60_000);
  expect(wrong(await waiting())).toEqual({ "order-ledger-moves": [`order ${stuck}`] });
  await redis.flushall();
  await inLedger(placedBy("odd", "k"), 60_000, "{");
  const bucket = orderBucket("odd" as UserId);
  expect(wrong(await waiting())).toEqual({
    "order-ledger-moves": [
      expect.stringMatching(new RegExp(`^entry \\d+-\\d+ of order ledger ${bucket} is no order$`)),
    ],
  });
});

test("an order that leaves while it is looked at is not stuck", async () => {
  await inLedger(placedBy("late", "k"), 60_000);
  const looking = checkWaitingOrders({
    redis,
    sql: database.sql,
    stuckMs: 1,
    patienceMs: 20_000,
    unread: async () => 0,
  });
  await Bun.sleep(300);
  await redis.flushall();
  expect(wrong(await looking)).toEqual({});
});

test("while no consumer runs, orders that wait are told, not blamed", async () => {
  await inLedger(placedBy("old", "k"), 60_000);
  const verdicts = await waiting(0, null);
  expect(wrong(verdicts)).toEqual({});
  expect(verdicts[0]!.note).toBe("1 orders wait in the ledger; no consumers are running");
});

const tell = (kind: keyof HealthyOrders["orders"], status: string) =>
  createInbox(redis).append(kind as string as UserId, [
    letter(JSON.stringify({ type: "coupon.issued", couponId: "x" })),
    letter(JSON.stringify({ type: "order.status", orderId: healthy.orders[kind], status })),
  ]);

test("owners who were told how their order ended were told the truth", async () => {
  await tell("paid", "COMPLETED");
  await tell("declined", "COMPENSATING");
  await tell("declined", "CANCELLED");
  await tell("underway", "CANCELLED"); // it has no end yet: this one is not asked about
  expect(await checkToldEnds(redis, database.sql)).toMatchObject({ violations: [], examined: 2 });
  await tell("paid", "CANCELLED");
  await tell("declined", "COMPLETED");
  const { paid, declined } = healthy.orders;
  expect((await checkToldEnds(redis, database.sql)).violations.toSorted()).toEqual(
    [
      `order ${paid}: COMPLETED, its owner was told CANCELLED`,
      `order ${declined}: CANCELLED, its owner was told COMPLETED`,
    ].toSorted(),
  );
});

const compare = (url: string | undefined) => checkProvider({ sql: database.sql, url, recheckMs: 20, patienceMs: 0 });
const provider = () => compare(shop.url);

test("the provider's books say the same; where there are none, nothing is compared", async () => {
  expect(await provider()).toMatchObject({ violations: [], examined: 5 });
  const note = "the payment provider shows no books: not compared";
  expect(await compare(undefined)).toMatchObject({ violations: [], examined: 0, note });
  expect(await compare("http://127.0.0.1:1")).toMatchObject({ violations: [], note });
  const other = Bun.serve({ port: 0, fetch: () => Response.json({ items: "none" }) });
  expect(await compare(`http://127.0.0.1:${other.port}`)).toMatchObject({ violations: [], note });
  await other.stop(true);
});

test("a capture that is about to be reported is no violation", async () => {
  const { sql } = database;
  const told = (status: string, captured: number) =>
    sql`UPDATE payments SET status = ${status}, captured_amount = ${captured} WHERE order_id = ${healthy.orders.plain}`;
  await told("VOIDED", 0);
  const looking = checkProvider({ sql, url: shop.url, recheckMs: 100, patienceMs: 20_000 });
  await Bun.sleep(250);
  await told("CAPTURED", 2_500);
  expect((await looking).violations).toEqual([]);
});

test("money that the provider has and we don't know of is named, and money that it does not have", async () => {
  const { sql } = database;
  const { paid, plain, underway } = healthy.orders;
  const charge = (key: string, token: string) =>
    fetch(`${shop.url}/payments`, {
      method: "POST",
      body: JSON.stringify({ key, amount: 700, currency: "EUR", token }),
    });
  await charge("declined by it", "tok_decline");
  expect((await provider()).violations).toEqual([]);

  await charge("nobody's", "tok_ok");
  await sql`UPDATE payments SET captured_amount = 1 WHERE order_id = ${paid}`;
  await sql`INSERT INTO payments (order_id, amount, captured_amount, status) VALUES (${underway}, 1900, 1900, 'CAPTURED')`;
  await fetch(`${shop.url}/payments/${plain}/refunds`, {
    method: "POST",
    body: JSON.stringify({ key: "by hand", amount: 2_500 }),
  });
  expect((await provider()).violations.toSorted()).toEqual(
    [
      "order nobody's: the provider keeps 700, and PostgreSQL knows no payment",
      `order ${paid}: CAPTURED with 1 EUR captured and 0 refunded, at the provider CAPTURED with 1900 EUR and 0`,
      `order ${underway}: CAPTURED with 1900 EUR captured and 0 refunded, and the provider knows no payment`,
      `order ${plain}: CAPTURED with 2500 EUR captured and 0 refunded, at the provider REFUNDED with 2500 EUR and 2500`,
    ].toSorted(),
  );
  // The same number in another currency is other money.
  await sql`UPDATE payments SET captured_amount = 1900, captured_currency = 'USD' WHERE order_id = ${paid}`;
  expect((await provider()).violations).toContain(
    `order ${paid}: CAPTURED with 1900 USD captured and 0 refunded, at the provider CAPTURED with 1900 EUR and 0`,
  );
  // What a worker is just asking about is not definite: whatever the provider says, it may be true in a moment.
  await sql`UPDATE payments SET check_wanted = true WHERE order_id = ${plain}`;
  expect((await provider()).violations.join()).not.toContain(plain);
  await sql`UPDATE payments SET check_wanted = false, return_wanted = true WHERE order_id = ${plain}`;
  await sql`UPDATE payments SET status = 'INTENT' WHERE order_id IN (${paid}, ${underway})`;
  expect((await provider()).violations).toEqual([
    "order nobody's: the provider keeps 700, and PostgreSQL knows no payment",
  ]);
});
