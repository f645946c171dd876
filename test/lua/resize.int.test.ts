import { afterAll, beforeAll, expect, test } from "bun:test";
import type { CouponId } from "../../contracts/wire/ids.ts";
import { saleKeys } from "../../lua/keys.ts";
import { createSubscriber, type RedisConnection, whenReady } from "../../lua/redis.ts";
import { createSaleLoading } from "../../lua/sale-loading.ts";
import { readSale } from "../../lua/sale-reading.ts";
import {
  createSaleScripts,
  parseAnnouncement,
  type SaleAnnouncement,
  type SaleScripts,
} from "../../lua/sale-scripts.ts";
import { openRedis, UNHURRIED } from "../support/redis.ts";
import { until } from "../support/until.ts";
import { claimOf, claimsOf, connected, loadedSale } from "./sale.ts";

let service: Awaited<ReturnType<typeof openRedis>>;
let redis: RedisConnection;
let scripts: SaleScripts;
beforeAll(async () => {
  service = await openRedis();
  redis = await connected(service.url);
  scripts = createSaleScripts(redis);
});
afterAll(async () => {
  redis?.disconnect();
  await service?.close();
});

/** `count` users win slots 1 to `count`; then those of `back` come back. */
async function sold(couponId: CouponId, count: number, back: readonly number[]): Promise<void> {
  const claims = claimsOf(couponId, ...Array.from({ length: count }, (_, i) => `u${i + 1}`));
  await scripts.claim(couponId, claims);
  for (const slot of back) await scripts.release(couponId, { ...claims[slot - 1]!, epoch: 1, reason: "REVOKED" });
}
const slotsOf = async (couponId: CouponId, ...names: string[]) =>
  (await scripts.claim(couponId, claimsOf(couponId, ...names))).results.map((one) =>
    "slot" in one ? one.slot : one.code,
  );

test("freed slots below a smaller total keep their turn, those beyond it vanish and are fresh again later", async () => {
  const couponId = await loadedSale(redis, { total: 10 });
  await sold(couponId, 10, [9, 2, 10, 1]);
  expect(await scripts.resize(couponId, 8, 8)).toEqual({ code: "CHANGED" });
  expect(await redis.lrange(saleKeys(couponId).freed, 0, -1)).toEqual(["2", "1"]);
  expect(await readSale(redis, couponId)).toMatchObject({ total: 8, next: 8, freed: 2, left: 2 });
  expect(await slotsOf(couponId, "a", "b", "c")).toEqual([2, 1, "SOLD_OUT"]);
  expect(await scripts.resize(couponId, 10, 8)).toEqual({ code: "CHANGED" });
  expect(await slotsOf(couponId, "c", "d", "e")).toEqual([9, 10, "SOLD_OUT"]);
});

test("it goes down to the highest slot that Redis or PostgreSQL knows to be taken, and says so", async () => {
  const couponId = await loadedSale(redis, { total: 10 });
  await sold(couponId, 6, [3, 5]);
  const before = await readSale(redis, couponId);
  expect(await scripts.resize(couponId, 5, 0)).toEqual({ code: "CONFLICT", smallestTotal: 6 });
  expect(await scripts.resize(couponId, 1, 8)).toEqual({ code: "CONFLICT", smallestTotal: 8 });
  expect(await readSale(redis, couponId)).toEqual(before);
  expect(await scripts.resize(couponId, 8, 8)).toEqual({ code: "CHANGED" });
  expect(await readSale(redis, couponId)).toMatchObject({ total: 8, next: 6, left: 4 });
});

test("a slot that is never to go out again counts as taken; a sale whose slots are all free goes down to one", async () => {
  const couponId = await loadedSale(redis, { total: 5 });
  const [ada] = claimsOf(couponId, "ada");
  await scripts.claim(couponId, [claimOf(couponId, "bea"), ada!]);
  await scripts.release(couponId, { ...ada!, epoch: 1, reason: null, discardSlot: true });
  expect(await scripts.resize(couponId, 1, 0)).toEqual({ code: "CONFLICT", smallestTotal: 2 });
  const empty = await loadedSale(redis, { total: 5 });
  await sold(empty, 3, [1, 2, 3]);
  expect(await scripts.resize(empty, 1, 0)).toEqual({ code: "CHANGED" });
  expect(await slotsOf(empty, "x", "y")).toEqual([1, "SOLD_OUT"]);
});

test("what is no number in the list of freed slots does no harm, and is gone after the list is written anew", async () => {
  const couponId = await loadedSale(redis, { total: 10 });
  await sold(couponId, 10, [9, 10, 2]);
  await redis.rpush(saleKeys(couponId).freed, "nonsense");
  expect(await scripts.resize(couponId, 8, 8)).toEqual({ code: "CHANGED" });
  expect(await redis.lrange(saleKeys(couponId).freed, 0, -1)).toEqual(["2"]);
});

test("gates hear of every change: sold out, and open again", async () => {
  const couponId = await loadedSale(redis, { total: 5 });
  await sold(couponId, 3, []);
  const heard: SaleAnnouncement[] = [];
  const subscriber = createSubscriber(service.url, UNHURRIED);
  await whenReady(subscriber, 60_000);
  subscriber.on("message", (_, text: string) => void heard.push(parseAnnouncement(text)));
  await subscriber.subscribe("sales");
  await scripts.resize(couponId, 3, 3);
  await scripts.resize(couponId, 3, 3);
  await scripts.resize(couponId, 4, 3);
  const own = () => heard.filter((one) => one.couponId === couponId);
  await until("both are heard", () => own().length >= 2);
  subscriber.disconnect();
  expect(own().map(({ soldOut }) => soldOut)).toEqual([true, false]);
  expect(own()[1]!.version).toBe(own()[0]!.version + 1);
});

test("a sale that is fenced or was never loaded is not resized", async () => {
  const couponId = await loadedSale(redis, { total: 5 });
  await createSaleLoading(redis).fence(couponId, 2);
  expect(await scripts.resize(couponId, 9, 0)).toEqual({ code: "NOT_LOADED" });
  expect(await scripts.resize("nosuchsale00" as CouponId, 9, 0)).toEqual({ code: "NOT_LOADED" });
});
