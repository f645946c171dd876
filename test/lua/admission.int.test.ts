import { afterAll, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { type OrderId, orderIdOf, type ProductId } from "../../contracts/orders/ids.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import { type Admission, createAdmission } from "../../lua/admission.ts";
import { ADMISSION_KEYS } from "../../lua/keys.ts";
import { createPlacedOrders } from "../../lua/placed-orders.ts";
import type { RedisConnection } from "../../lua/redis.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { placedBy } from "./placed.ts";
import { connected } from "./sale.ts";

setDefaultTimeout(180_000);

let server: RedisServer;
let redis: RedisConnection;
let admission: Admission;
beforeAll(async () => {
  server = await startRedis();
  redis = await connected(server.url);
  admission = createAdmission(redis);
});
afterAll(async () => {
  redis?.disconnect();
  await server?.remove();
});
beforeEach(async () => void (await redis.del(...Object.values(ADMISSION_KEYS))));

const ann = "ann" as UserId;
const order = (name: string): OrderId => orderIdOf(ann, name, "");
const lines = (wanted: Record<string, number>) =>
  Object.entries(wanted).map(([productId, quantity]) => ({ productId: productId as ProductId, quantity }));
const take = (name: string, wanted: Record<string, number>) => admission.take(order(name), ann, lines(wanted));
const load = (stocks: Record<string, number>, settled: OrderId[] = []) =>
  admission.load(
    lines(stocks).map(({ productId, quantity }) => ({ productId, stock: quantity })),
    settled,
  );
const taken = async (product: string) => Number((await redis.hget(ADMISSION_KEYS.taken, product)) ?? 0);

test("a product that is not loaded admits every order, and counts them", async () => {
  expect(await take("1", { mug: 7 })).toBeNull();
  expect(await taken("mug")).toBe(7);
  await load({ mug: 7 });
  expect(await take("2", { mug: 1 })).toBe("mug" as ProductId);
});

test("all lines or none: a refused order takes nothing, and names the product", async () => {
  await load({ cup: 5, mug: 1 });
  expect(await take("1", { cup: 2, mug: 2 })).toBe("mug" as ProductId);
  expect([await taken("cup"), await taken("mug"), await redis.hlen(ADMISSION_KEYS.held)]).toEqual([0, 0, 0]);
  expect(await take("2", { cup: 5, mug: 1 })).toBeNull();
  expect(await take("3", { cup: 1 })).toBe("cup" as ProductId);
});

test("an order holds once, however often it asks, and gives back once", async () => {
  await load({ mug: 1 });
  expect(await take("1", { mug: 1 })).toBeNull();
  expect(await take("1", { mug: 1 })).toBeNull();
  expect(await taken("mug")).toBe(1);
  expect(await admission.release([order("1"), order("never")])).toBe(1);
  expect(await admission.release([order("1")])).toBe(0);
  expect(await taken("mug")).toBe(0);
  expect(await take("2", { mug: 1 })).toBeNull();
});

test("a hundred at once for ten pieces: ten are admitted", async () => {
  await load({ mug: 10 });
  const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => take(`${i}`, { mug: 1 })));
  expect(answers.filter((soldOut) => soldOut === null)).toHaveLength(10);
  expect(await taken("mug")).toBe(10);
});

test("loading: an order that the stock lacks is let go, one that it does not lack stays held", async () => {
  await load({ mug: 3 });
  await take("reserved", { mug: 1 });
  await take("on its way", { mug: 1 });
  await load({ mug: 2 }, [order("reserved")]); // PostgreSQL has taken one out
  expect(await taken("mug")).toBe(1);
  expect(await take("last", { mug: 1 })).toBeNull();
  expect(await take("late", { mug: 1 })).toBe("mug" as ProductId);
  await load({ mug: 12 }, [order("on its way"), order("last")]); // restocked, and both refused
  expect(await take("again", { mug: 12 })).toBeNull();
});

test("a product that is no flash product any more admits every order again", async () => {
  await load({ mug: 0, cup: 0 });
  await load({ cup: 0 });
  expect(await admission.loaded()).toBe(1);
  expect(await take("1", { mug: 1 })).toBeNull();
  expect(await take("2", { cup: 1 })).toBe("cup" as ProductId);
});

test("holds tell whose they are and since when; those of stored orders are in the ledger", async () => {
  const placed = placedBy("ann", "stored", "{}", true);
  await admission.take(placed.data.orderId, ann, placed.data.flashItems);
  await createPlacedOrders(redis).place(placed);
  await take("stray", { mug: 1 });
  const holds = await admission.holds();
  expect(holds.map(({ orderId }) => orderId).sort()).toEqual([placed.data.orderId, order("stray")].sort());
  for (const { userId, at } of holds) {
    expect(userId).toBe(ann);
    expect(Math.abs(at - Date.now())).toBeLessThan(60_000);
  }
  const inLedger = await Promise.all(holds.map(admission.isInLedger));
  expect(holds.filter((_, i) => !inLedger[i]).map(({ orderId }) => orderId)).toEqual([order("stray")]);
});
