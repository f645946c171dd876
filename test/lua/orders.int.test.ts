import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { OrderCreated } from "../../contracts/orders/events.ts";
import type { ProductId } from "../../contracts/orders/ids.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import {
  cancelKey,
  cartOrdersKey,
  ORDER_BUCKETS,
  openOrdersKey,
  orderBucket,
  orderLedgerKey,
  pendingOrderKey,
  placedKey,
} from "../../lua/keys.ts";
import { createAcknowledgeOrders, KEY_LINGERS_S, orderLedgerLengths, readOrderLedger } from "../../lua/order-ledger.ts";
import { createPlacedOrders, KEY_TTL_S, MOST_OPEN_ORDERS, type PlacedOrders } from "../../lua/placed-orders.ts";
import type { RedisConnection } from "../../lua/redis.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { placedBy } from "./placed.ts";
import { connected } from "./sale.ts";

setDefaultTimeout(180_000);

let server: RedisServer;
let redis: RedisConnection;
let orders: PlacedOrders;
beforeAll(async () => {
  server = await startRedis();
  redis = await connected(server.url);
  orders = createPlacedOrders(redis);
});
afterAll(async () => {
  redis?.disconnect();
  await server?.remove();
});

const mugs = (quantity: number) => ({ productId: "mug" as ProductId, quantity });
const ledgerOf = async ({ data }: OrderCreated) => {
  const bucket = orderBucket(data.userId);
  const { entries } = await readOrderLedger(redis, bucket, { olderThanMs: 0, count: 1_000 });
  return { bucket, entries: entries.filter(({ orderId }) => orderId === data.orderId) };
};

test("the first placing writes the ledger, the key and the order; a repeat finds what was placed, not what it brought", async () => {
  const first = placedBy("ann", "key 1");
  const { userId, orderId } = first.data;
  expect(await orders.orderOf(userId, "key 1")).toBeNull();
  expect(await orders.pending(userId, orderId)).toBeNull();
  expect(await orders.place(first)).toEqual({ code: "ACCEPTED" });
  const later = { ...first, occurredAt: "2030-01-01T00:00:00.000Z" };
  expect(await orders.place(later)).toEqual({ code: "REPEATED", stored: first });
  expect(await orders.orderOf(userId, "key 1")).toBe(orderId);
  expect(await orders.pending(userId, orderId)).toEqual(first);
  const { entries, bucket } = await ledgerOf(first);
  expect(entries.map(({ created }) => created)).toEqual([first]);
  // The order goes only with its entry, and the key not much before: days without Kafka must not make it unknown.
  expect(await redis.ttl(placedKey(userId, "key 1"))).toBeGreaterThan(KEY_TTL_S - 60);
  expect(await redis.ttl(pendingOrderKey(bucket, orderId))).toBe(-1);
});

test("another body under the same key is refused and writes nothing; the same key of another user is another key", async () => {
  const first = placedBy("bob", "key");
  const other = placedBy("bob", "key", '{"other":1}');
  await orders.place(first);
  expect(await orders.place(other)).toEqual({ code: "IDEMPOTENCY_KEY_REUSED" });
  expect((await ledgerOf(other)).entries).toEqual([]);
  expect(await orders.pending(other.data.userId, other.data.orderId)).toBeNull();
  expect(await orders.place(placedBy("bea", "key"))).toEqual({ code: "ACCEPTED" });
});

test("fifty at once are one order", async () => {
  const wishes = Array.from({ length: 50 }, (_, i) => ({ ...placedBy("cem", "rush"), occurredAt: `${2000 + i}` }));
  const results = await Promise.all(wishes.map((wish) => orders.place(wish)));
  expect(results.filter(({ code }) => code === "ACCEPTED")).toHaveLength(1);
  const stored = new Set(results.flatMap((one) => (one.code === "REPEATED" ? [one.stored?.occurredAt] : [])));
  expect(stored.size).toBe(1);
  expect((await ledgerOf(wishes[0]!)).entries).toHaveLength(1);
});

test("an order that PostgreSQL has leaves the ledger once; its key stands for it a minute longer", async () => {
  const placed = placedBy("dan", "key");
  const { userId, orderId } = placed.data;
  await orders.place(placed);
  const acknowledge = createAcknowledgeOrders(redis);
  const { bucket, entries } = await ledgerOf(placed);
  expect((await orderLedgerLengths(redis))[bucket]).toBeGreaterThan(0);
  expect(await acknowledge(bucket, entries)).toBe(1);
  expect(await acknowledge(bucket, entries)).toBe(0);
  expect((await ledgerOf(placed)).entries).toEqual([]);
  expect(await orders.pending(userId, orderId)).toBeNull();
  const left = await redis.ttl(placedKey(userId, "key"));
  expect(left > 0 && left <= KEY_LINGERS_S).toBe(true);
  expect(await redis.exists(openOrdersKey(userId), cartOrdersKey(userId), pendingOrderKey(bucket, orderId))).toBe(0);
  expect(await orders.place(placed)).toEqual({ code: "REPEATED", stored: null });
  expect(await orders.place(placedBy("dan", "key", "[]"))).toEqual({ code: "IDEMPOTENCY_KEY_REUSED" });
});

test("another order's entry under the same id is not acknowledged away: Redis forgot the first, and gave the id again", async () => {
  const first = placedBy("kim", "first");
  await orders.place(first);
  const { bucket, entries } = await ledgerOf(first);
  const [{ ledgerId } = { ledgerId: "" }] = entries;
  await redis.del(
    orderLedgerKey(bucket),
    pendingOrderKey(bucket, first.data.orderId),
    openOrdersKey(first.data.userId),
  );
  const second = placedBy("kim", "second");
  const { orderId, userId } = second.data;
  await redis.xadd(orderLedgerKey(bucket), ledgerId, "o", orderId, "u", userId, "e", JSON.stringify(second));
  expect(await createAcknowledgeOrders(redis)(bucket, entries)).toBe(0);
  const found = (await ledgerOf(second)).entries;
  expect(found).toMatchObject([{ ledgerId, orderId }]);
  expect(await createAcknowledgeOrders(redis)(bucket, found)).toBe(1);
});

test("a key that expired while the order still waits gives the same order, not a second entry", async () => {
  const placed = placedBy("eve", "key");
  await orders.place(placed);
  await redis.del(placedKey(placed.data.userId, "key"));
  expect(await orders.place({ ...placed, occurredAt: "later" })).toEqual({ code: "REPEATED", stored: placed });
  expect((await ledgerOf(placed)).entries).toHaveLength(1);
});

const fromCart = (user: string, key: string): OrderCreated => {
  const placed = placedBy(user, key);
  return { ...placed, data: { ...placed.data, source: "cart" } };
};

test("of two orders from the cart that were priced at once, one is placed; the other must look at the cart again", async () => {
  const [one, other] = [fromCart("ivo", "one"), fromCart("ivo", "other")];
  const { userId, orderId } = one.data;
  const { version } = await orders.cartOrders(userId);
  expect(await orders.place(one, version)).toEqual({ code: "ACCEPTED" });
  expect(await orders.place(other, version)).toEqual({ code: "CART_CHANGED" });
  expect(await orders.place(one, version)).toMatchObject({ code: "REPEATED" });
  expect((await ledgerOf(other)).entries).toEqual([]);
  const seen = await orders.cartOrders(userId);
  expect([...seen.lines]).toEqual([[orderId, [{ productId: "mug" as never, quantity: 1 }]]]);
  // PostgreSQL has it: what it took is gone, and that something was taken is remembered for readers who looked before.
  const acknowledge = createAcknowledgeOrders(redis);
  const { bucket, entries } = await ledgerOf(one);
  await acknowledge(bucket, entries);
  expect((await orders.cartOrders(userId)).lines.size).toBe(0);
  expect(await orders.place(other, version)).toEqual({ code: "CART_CHANGED" });
  expect(await redis.ttl(cartOrdersKey(userId))).toBeLessThanOrEqual(KEY_LINGERS_S);
  expect(await orders.place(other, seen.version)).toEqual({ code: "ACCEPTED" });
});

test("a user's open orders are listed until PostgreSQL has them, newest first; there is a most of them", async () => {
  const wishes = [3, 1, 2].map((n) => ({ ...placedBy("jon", `k${n}`), occurredAt: new Date(n).toISOString() }));
  for (const wish of wishes) await orders.place(wish);
  const { userId } = wishes[0]!.data;
  const open = await orders.open(userId);
  expect(open.map(({ at }) => at)).toEqual([3, 2, 1]);
  expect((await orders.read(userId, open)).map(({ data }) => data.idempotencyKey)).toEqual(["k3", "k2", "k1"]);
  const { bucket, entries } = await ledgerOf(wishes[0]!);
  await createAcknowledgeOrders(redis)(bucket, entries);
  expect((await orders.open(userId)).map(({ at }) => at)).toEqual([2, 1]);
  const others = Array.from({ length: MOST_OPEN_ORDERS }, (_, n) => orders.place(placedBy("jon", `more ${n}`)));
  const codes = (await Promise.all(others)).map(({ code }) => code);
  expect(codes.filter((code) => code === "TOO_MANY_ORDERS")).toHaveLength(2);
  expect(await orders.place(wishes[1]!)).toMatchObject({ code: "REPEATED" });
});

test("orders that consumers of an earlier release acknowledged keep no user at the limit, nor their lines in the cart", async () => {
  const places = Array.from({ length: MOST_OPEN_ORDERS }, (_, n) => orders.place(placedBy("ivy", `order ${n}`)));
  expect(new Set((await Promise.all(places)).map(({ code }) => code))).toEqual(new Set(["ACCEPTED"]));
  const next = placedBy("ivy", "one more");
  expect(await orders.place(next)).toEqual({ code: "TOO_MANY_ORDERS" });
  const { userId } = next.data;
  const [bucket, open] = [orderBucket(userId), (await orders.open(userId)).reverse()];
  const acknowledged = open.slice(0, 3);
  await redis.hset(cartOrdersKey(userId), { n: "9", [open[0]!.orderId]: "mug 1", [open[3]!.orderId]: "mug 2" });
  for (const { ledgerId, orderId } of acknowledged) {
    await redis.xdel(orderLedgerKey(bucket), ledgerId);
    await redis.del(pendingOrderKey(bucket, orderId));
  }
  expect(await orders.place(next)).toEqual({ code: "ACCEPTED" });
  expect(await orders.open(userId)).toHaveLength(MOST_OPEN_ORDERS - 3 + 1);
  expect(await orders.cartOrders(userId)).toEqual({ version: "9", lines: new Map([[open[3]!.orderId, [mugs(2)]]]) });
});

test("an order is shown to its owner alone, not to other users of the bucket", async () => {
  const placed = placedBy("fay", "key");
  await orders.place(placed);
  const bucket = orderBucket(placed.data.userId);
  let stranger = "";
  for (let i = 0; stranger === ""; i++) if (orderBucket(`s${i}` as UserId) === bucket) stranger = `s${i}`;
  expect(await orders.pending(stranger as UserId, placed.data.orderId)).toBeNull();
  expect(await orders.pending(placed.data.userId, placed.data.orderId)).not.toBeNull();
});

test("the first to ask for a cancellation is remembered", async () => {
  const { userId, orderId } = placedBy("gil", "key").data;
  expect(await orders.noteCancel(userId, orderId, { by: "USER", at: 5 })).toEqual({ by: "USER", at: 5 });
  expect(await orders.noteCancel(userId, orderId, { by: "OPERATOR", at: 9 })).toEqual({ by: "USER", at: 5 });
  expect(await redis.ttl(cancelKey(userId, orderId))).toBeGreaterThan(0);
});

test("a reader pages through entries of an age, and names what is no order", async () => {
  const bucket = orderBucket("hal" as UserId);
  const before = (await orderLedgerLengths(redis))[bucket]!;
  for (let i = 0; i < 5; i++) await orders.place(placedBy("hal", `key ${i}`));
  const strange = await redis.xadd(orderLedgerKey(bucket), "*", "o", "x", "u", "y", "e", "{");
  const { data } = placedBy("ann", "astray"); // another bucket's
  const event = JSON.stringify({ data });
  const astray = await redis.xadd(orderLedgerKey(bucket), "*", "o", data.orderId, "u", data.userId, "e", event);
  const first = await readOrderLedger(redis, bucket, { olderThanMs: 0, count: 3 });
  expect(first.entries).toHaveLength(3);
  const rest = await readOrderLedger(redis, bucket, { olderThanMs: 0, count: before + 6, after: first.next! });
  expect(rest.entries).toHaveLength(before + 2);
  expect(rest).toMatchObject({ malformed: [strange!, astray!], next: null });
  expect((await readOrderLedger(redis, bucket, { olderThanMs: 60_000, count: 10 })).entries).toEqual([]);
});

test("users spread over all buckets", () => {
  const used = new Set(Array.from({ length: 2_000 }, (_, i) => orderBucket(`user-${i}` as UserId)));
  expect(used.size).toBe(ORDER_BUCKETS);
});

test("an operator finds an order although another bucket does not answer; one that is in none is not said to be nowhere", async () => {
  const order = placedBy("operators-look", "key");
  await orders.place(order);
  const { userId, orderId } = order.data;
  const other = (orderBucket(userId) + 1) % ORDER_BUCKETS;
  await redis.rpush(pendingOrderKey(other, orderId), "no text");
  expect(await orders.pendingOfAnybody(orderId)).toEqual(order);
  const absent = placedBy("operators-look", "another key").data.orderId;
  expect(await orders.pendingOfAnybody(absent)).toBeNull();
  await redis.rpush(pendingOrderKey(other, absent), "no text");
  await expect(orders.pendingOfAnybody(absent)).rejects.toMatchObject({ code: "INTERNAL" });
});
