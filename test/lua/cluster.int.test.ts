import { afterAll, beforeAll, expect, test } from "bun:test";
import type { ProductId } from "../../contracts/orders/ids.ts";
import { type CouponId, newCouponId } from "../../contracts/wire/ids.ts";
import { createAdmission } from "../../lua/admission.ts";
import { type Appended, createInbox } from "../../lua/inbox.ts";
import { placedKey, saleKeys } from "../../lua/keys.ts";
import { ledgerLength, readLedger } from "../../lua/ledger.ts";
import { createAcknowledgeOrders, orderLedgerLengths, readOrderLedger } from "../../lua/order-ledger.ts";
import { createPlacedOrders } from "../../lua/placed-orders.ts";
import { createSubscriber, type RedisConnection, whenReady } from "../../lua/redis.ts";
import { createRoutes } from "../../lua/routes.ts";
import { createSaleLoading } from "../../lua/sale-loading.ts";
import { readSale, readWinners, statusOf, winnerOf } from "../../lua/sale-reading.ts";
import { createSaleScripts, parseAnnouncement } from "../../lua/sale-scripts.ts";
import { UNHURRIED } from "../support/redis.ts";
import { type RedisCluster, startRedisCluster } from "../support/redis-cluster.ts";
import { until } from "../support/until.ts";
import { letter } from "./inbox-message.ts";
import { placedBy } from "./placed.ts";
import { claimOf, claimsOf, connected, loadSale, terms, user, winner } from "./sale.ts";

let cluster: RedisCluster;
let redis: RedisConnection;
/** One on each master. */
let sales: CouponId[];

beforeAll(async () => {
  cluster = await startRedisCluster();
  redis = await connected(cluster.url);
  const byMaster = new Map<number, CouponId>();
  for (let i = 0; byMaster.size < 3 && i < 100; i++) {
    const couponId = newCouponId();
    byMaster.set((await cluster.masterOf(saleKeys(couponId).sale)).port, couponId);
  }
  sales = [...byMaster.values()];
}, 180_000);
afterAll(async () => {
  redis?.disconnect();
  await cluster?.remove();
});

test("every script of a sale runs on every master", async () => {
  expect(sales).toHaveLength(3);
  const scripts = createSaleScripts(redis);
  const loading = createSaleLoading(redis);
  for (const couponId of sales) {
    expect((await loading.health(couponId)).reason).toBe("MISSING");
    expect((await scripts.claim(couponId, claimsOf(couponId, "ada"))).results).toEqual([{ code: "NOT_LOADED" }]);
    await loadSale(redis, couponId, 1, { total: 5 }, [winner(couponId, "zoe", 2)]);
    expect(await loading.health(couponId)).toMatchObject({ loaded: true, epoch: 1 });

    const claims = claimsOf(couponId, "ada", "bea", "cem", "dan", "eve");
    const { results } = await scripts.claim(couponId, claims);
    expect(results.map((one) => ("slot" in one ? one.slot : one.code))).toEqual([1, 3, 4, 5, "SOLD_OUT"]);
    const [ada, bea, cem] = results.map((one, at) => ({
      ...claims[at]!,
      ...(one as { slot: number; ledgerId: string }),
    }));
    expect(await scripts.release(couponId, { ...ada!, epoch: 1, reason: "INTERNAL" })).toBe("RELEASED");
    expect(await scripts.acknowledge(couponId, [bea!])).toMatchObject({ code: "ACKNOWLEDGED" });
    const fay = { ...claimOf(couponId, "fay"), loggedAt: null };
    const [granted] = (await scripts.decide(couponId, [fay])).decided as unknown as [{ ledgerId: string }];
    expect(granted).toMatchObject({ kind: "granted", slot: 1 });
    expect(await scripts.release(couponId, { ...fay, ...granted, epoch: 1, reason: "INTERNAL" })).toBe("RELEASED");
    const kept = { keptRequestId: claimOf(couponId, "cem").requestId, keptSlot: 1, freeSlot: true };
    expect(await scripts.replaceWinner(couponId, { ...cem!, ...kept })).toBe("CHANGED");
    expect(await scripts.setState(couponId, "PAUSED")).toBe("CHANGED");
    expect(await scripts.resize(couponId, 6, 5)).toEqual({ code: "CHANGED" });
    expect(await scripts.resize(couponId, 4, 0)).toEqual({ code: "CONFLICT", smallestTotal: 5 });
    expect(await scripts.resize(couponId, 5, 5)).toEqual({ code: "CHANGED" });

    expect(await readSale(redis, couponId)).toMatchObject({ state: "PAUSED", winners: 4, freed: 1, left: 1 });
    expect(await winnerOf(redis, couponId, user("cem"))).toEqual({ slot: 1, requestId: kept.keptRequestId });
    expect(await statusOf(redis, couponId, bea!.requestId, bea!.userId)).toMatchObject({
      status: { status: "ISSUED", slot: 3 },
    });
    const { entries } = await readLedger(redis, couponId, { olderThanMs: 0, count: 10 });
    expect(entries.map(({ userId }) => userId as string)).toEqual(["cem", "dan"]);
    let winners = 0;
    for await (const portion of readWinners(redis, couponId)) winners += portion.length;
    expect(winners).toBe(4);
  }
  for (const couponId of sales) expect(await ledgerLength(redis, couponId)).toBe(2);
}, 180_000);

test("claims of different sales in one turn reach their own masters", async () => {
  const scripts = createSaleScripts(redis);
  for (const couponId of sales) await scripts.setState(couponId, "OPEN");
  const batches = await Promise.all(sales.map((couponId) => scripts.claim(couponId, claimsOf(couponId, "fay", "gus"))));
  for (const batch of batches) expect(batch.results.map(({ code }) => code)).toEqual(["ACCEPTED", "SOLD_OUT"]);
});

test("announcements reach a subscriber on whichever node it is", async () => {
  const subscriber = createSubscriber(cluster.url, UNHURRIED);
  try {
    expect(await whenReady(subscriber, 60_000)).toBe(true);
    const heard = new Set<string>();
    subscriber.on("message", (_, text: string) => heard.add(parseAnnouncement(text).couponId));
    await subscriber.subscribe("sales");
    const scripts = createSaleScripts(redis);
    for (const couponId of sales) await scripts.setState(couponId, "PAUSED");
    await until("all three are heard", () => heard.size === 3);
    expect([...heard].sort()).toEqual([...sales].sort());
  } finally {
    subscriber.disconnect();
  }
});

test("inboxes and routes of users on all masters are written in one go", async () => {
  const inbox = createInbox(redis);
  const routes = createRoutes(redis);
  const items = Array.from({ length: 60 }, (_, i) => ({ userId: user(`user-${i}`), messages: [letter(`for ${i}`)] }));
  await routes.add(user("user-7"), "c1", "g1");
  const appended = (await inbox.appendAll(items)) as Appended[];
  expect([...appended[7]!.routes]).toEqual([["c1", "g1"]]);
  expect(await routes.prune(user("user-7"), appended[7]!.routes)).toBe(1);
  for (const [i, { userId }] of items.entries()) {
    const read = await inbox.read(userId, null, 10);
    expect(read.messages).toEqual([{ cursor: appended[i]!.written[0]!.cursor, json: `for ${i}` }]);
    expect(read.cursor).toBe(appended[i]!.written[0]!.cursor);
  }
});

test("after a failover the sale is closed until it is loaded on the new master; the others go on", async () => {
  const [couponId, other] = sales as [CouponId, CouponId];
  const scripts = createSaleScripts(redis);
  const loading = createSaleLoading(redis);
  const inbox = createInbox(redis);
  for (const [i, id] of [couponId, other].entries()) await loadAgain(id, 10 + i);
  const { written } = await inbox.append(user("hal"), [letter("before")]);
  const claims = claimsOf(couponId, "ada", "bea");
  await scripts.claim(couponId, claims);
  const { sale } = saleKeys(couponId);
  const master = await cluster.masterOf(sale);
  await cluster.copied(master);
  await master.kill();

  const begun = performance.now();
  const failed = await scripts.claim(couponId, claimsOf(couponId, "cem")).then(
    ({ results }) => results[0]!.code as string,
    (error: { code: string }) => error.code,
  );
  expect(["REDIS_UNAVAILABLE", "NOT_LOADED"]).toContain(failed);
  expect(performance.now() - begun).toBeLessThan(30_000);
  expect((await scripts.claim(other, claimsOf(other, "ivy"))).results[0]!.code).toBe("ACCEPTED");

  await cluster.failedOver(sale, master);
  let code = "";
  for (let i = 0; i < 1_000 && code !== "NOT_LOADED"; i++) {
    code = await scripts.claim(couponId, claimsOf(couponId, "cem")).then(
      ({ results }) => results[0]!.code,
      (error: { code: string }) => error.code as "NOT_LOADED",
    );
    expect(code).not.toBe("ACCEPTED");
    await Bun.sleep(50);
  }
  expect(code).toBe("NOT_LOADED");
  expect(await loading.health(couponId)).toMatchObject({ loaded: false, reason: "RUN_ID" });
  await loadAgain(couponId, 20, [{ ...claims[0]!, slot: 1 }]);
  const { results } = await scripts.claim(couponId, [claims[0]!, claimOf(couponId, "cem")]);
  expect(results).toMatchObject([
    { code: "ALREADY_WON", slot: 1 },
    { code: "ACCEPTED", slot: 2 },
  ]);
  expect((await inbox.read(user("hal"), written[0]!.cursor, 10)).lost).toBe(true);

  async function loadAgain(id: CouponId, epoch: number, winners: Parameters<typeof loading.load>[3] = []) {
    expect(await loading.fence(id, epoch)).toBe("CHANGED");
    expect(await loading.load(id, terms({ total: 5 }), epoch, winners)).toBe("LOADED");
  }
}, 180_000);

test("orders of any user, and flash orders of any product, run on a cluster", async () => {
  const orders = createPlacedOrders(redis);
  const admission = createAdmission(redis);
  const placed = Array.from({ length: 24 }, (_, i) => placedBy(`order-${i}`, "k 1", "{}", true));
  const results = await Promise.all(placed.map((order) => orders.place(order)));
  expect(new Set(results.map(({ code }) => code))).toEqual(new Set(["ACCEPTED"]));
  const owners = await Promise.all(
    placed.map(async ({ data }) => (await cluster.masterOf(placedKey(data.userId, "k 1"))).port),
  );
  expect(new Set(owners).size).toBe(3);
  expect(await orders.place(placed[0]!)).toEqual({ code: "REPEATED", stored: placed[0]! });
  const { userId, orderId, flashItems } = placed[0]!.data;
  expect(await orders.pending(userId, orderId)).toEqual(placed[0]!);
  expect(await orders.noteCancel(userId, orderId, { by: "USER", at: 1 })).toEqual({ by: "USER", at: 1 });

  const cup = { productId: "cup" as ProductId, quantity: 1 };
  await admission.load([{ productId: cup.productId, stock: 1 }], []);
  expect(await admission.take(orderId, userId, [cup, ...flashItems])).toBeNull();
  expect(await admission.take(placed[1]!.data.orderId, userId, [cup])).toBe(cup.productId);
  const holds = await admission.holds();
  expect(holds).toHaveLength(1);
  for (const hold of holds) expect(await admission.isInLedger(hold)).toBe(true);
  expect(await admission.release([orderId])).toBe(1);

  const acknowledge = createAcknowledgeOrders(redis);
  const lengths = await orderLedgerLengths(redis);
  for (const bucket of lengths.keys()) {
    const { entries } = await readOrderLedger(redis, bucket, { olderThanMs: 0, count: 100 });
    if (entries.length > 0) expect(await acknowledge(bucket, entries)).toBe(entries.length);
  }
  expect((await orderLedgerLengths(redis)).every((length) => length === 0)).toBe(true);
});
