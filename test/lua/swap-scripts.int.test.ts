import { afterAll, beforeAll, expect, test } from "bun:test";
import type { CouponId } from "../../contracts/wire/ids.ts";
import { saleKeys } from "../../lua/keys.ts";
import { createSubscriber, type RedisConnection, whenReady } from "../../lua/redis.ts";
import { createSaleLoading, type SaleLoading } from "../../lua/sale-loading.ts";
import { renderSaleScripts } from "../../lua/sale-script-text.ts";
import { createSaleScripts, parseAnnouncement } from "../../lua/sale-scripts.ts";
import { withIncludes } from "../../lua/script-includes.ts";
import { type RedisServer, startRedis, UNHURRIED } from "../support/redis.ts";
import { synced } from "../support/synced.ts";
import { until } from "../support/until.ts";
import { claimOf, claimsOf, connected, loadedSale } from "./sale.ts";
import claimBefore from "./scripts-before/claim.lua" with { type: "text" };

// A release brings other scripts to sales that are running. `claimBefore` is claim.lua of an earlier one.
let server: RedisServer;
let redis: RedisConnection;
let loading: SaleLoading;
beforeAll(async () => {
  server = await startRedis();
  redis = await connected(server.url);
  loading = createSaleLoading(redis);
});
afterAll(async () => {
  redis.disconnect();
  await server.remove();
});

/** A sale as the earlier release's loader left it: its claim.lua, and one script less. */
async function saleOfBefore(total = 10): Promise<{ couponId: CouponId; sha: string }> {
  const couponId = await loadedSale(redis, { total });
  const runId = await loading.runId(couponId);
  const text = withIncludes(`local RUN_ID = '${runId}'\n-- include: announce.lua\n${claimBefore}`);
  const sha = (await redis.script("LOAD", text)) as string;
  const { sale } = saleKeys(couponId);
  await redis.hset(sale, "shaClaim", sha);
  await redis.hdel(sale, "shaResize");
  return { couponId, sha };
}
const shaNow = (couponId: CouponId) => redis.hget(saleKeys(couponId).sale, "shaClaim");
const codes = async (scripts: ReturnType<typeof createSaleScripts>, couponId: CouponId, ...users: string[]) =>
  (await scripts.claim(couponId, claimsOf(couponId, ...users))).results.map(({ code }) => code);

test("a running sale of an earlier release is loaded and outdated; a swap gives it this release's scripts under its epoch", async () => {
  const { couponId, sha } = await saleOfBefore();
  const before = createSaleScripts(redis);
  expect(await codes(before, couponId, "ann")).toEqual(["ACCEPTED"]);
  // A script that the earlier release did not have is not there yet; the others are.
  expect(await before.resize(couponId, 11, 0)).toEqual({ code: "NOT_LOADED" });
  expect(await loading.health(couponId)).toMatchObject({ loaded: true, isOutdated: true, epoch: 1 });
  expect(await loading.swapScripts(couponId, 1)).toBe("CHANGED");
  expect(await shaNow(couponId)).not.toBe(sha);
  expect(await loading.health(couponId)).toMatchObject({ loaded: true, isOutdated: false, epoch: 1 });
  expect(await loading.swapScripts(couponId, 1)).toBe("UNCHANGED");
  // A gateway that has just started, and one that had looked for the missing script in vain.
  for (const scripts of [createSaleScripts(redis), before]) {
    expect(await codes(scripts, couponId, "ann")).toEqual(["ALREADY_WON"]);
    expect((await scripts.resize(couponId, 11, 0)).code).not.toBe("NOT_LOADED");
  }
});

test("a gateway that has not heard of it is served by the old scripts, side by side with one that has; slots go out once", async () => {
  const { couponId } = await saleOfBefore(4);
  const [old, fresh] = [createSaleScripts(redis), createSaleScripts(redis)];
  expect(await codes(old, couponId, "ann")).toEqual(["ACCEPTED"]);
  await loading.swapScripts(couponId, 1);
  expect(await codes(old, couponId, "bob", "ann")).toEqual(["ACCEPTED", "ALREADY_WON"]);
  expect(await codes(fresh, couponId, "cem", "bob")).toEqual(["ACCEPTED", "ALREADY_WON"]);
  expect(await codes(old, couponId, "dan", "eve")).toEqual(["ACCEPTED", "SOLD_OUT"]);
  expect(await codes(fresh, couponId, "eve", "dan")).toEqual(["SOLD_OUT", "ALREADY_WON"]);
  // Once it has heard, a paused sale's winner gets their win, which the old script refused.
  await fresh.setState(couponId, "PAUSED");
  expect(await codes(old, couponId, "ann")).toEqual(["PAUSED"]);
  old.forget(couponId);
  expect(await codes(old, couponId, "ann", "eve")).toEqual(["ALREADY_WON", "PAUSED"]);
});

test("this release's words are understood by the earlier script, and the other way round", async () => {
  const { couponId } = await saleOfBefore();
  const scripts = createSaleScripts(redis);
  for (const word of ["kafka", "redis", "again"] as const) {
    const [result] = (await scripts.claim(couponId, [claimOf(couponId, word)], word as "kafka")).results;
    expect(result).toMatchObject({ code: "ACCEPTED" });
  }
});

test("the change is announced to all gateways, without a new version: nothing else of the sale has changed", async () => {
  const { couponId } = await saleOfBefore();
  const subscriber = createSubscriber(server.url, UNHURRIED);
  await whenReady(subscriber, 60_000);
  const heard: ReturnType<typeof parseAnnouncement>[] = [];
  subscriber.on("message", (_, text: string) => heard.push(parseAnnouncement(text)));
  await subscriber.subscribe("sales");
  const version = Number(await redis.hget(saleKeys(couponId).sale, "version"));
  await loading.swapScripts(couponId, 1);
  await until("it is heard", () => heard.length > 0);
  expect(heard).toEqual([{ couponId, epoch: 1, version, state: "OPEN", soldOut: false, scripts: true }]);
  subscriber.disconnect();
});

test("a sale of another epoch, a fenced one and one of another server process keep what they have", async () => {
  const { couponId, sha } = await saleOfBefore();
  expect(await loading.swapScripts(couponId, 2)).toBe("STALE_EPOCH");
  await redis.hset(saleKeys(couponId).sale, "runId", "f".repeat(40));
  expect(await loading.swapScripts(couponId, 1)).toBe("NOT_LOADED");
  await redis.hset(saleKeys(couponId).sale, "runId", await loading.runId(couponId));
  await loading.fence(couponId, 2);
  expect(await loading.swapScripts(couponId, 2)).toBe("NOT_LOADED");
  expect(await shaNow(couponId)).toBe(sha);
});

test("the script cache stays the fence: after a restart no gateway can decide, with old or with new scripts, and a swap changes nothing", async () => {
  const { couponId } = await saleOfBefore();
  const old = createSaleScripts(redis);
  await codes(old, couponId, "ann");
  await loading.swapScripts(couponId, 1);
  const fresh = createSaleScripts(redis);
  await codes(fresh, couponId, "ann");
  const runId = await loading.runId(couponId);
  await synced(redis);
  await server.kill();
  await server.start();
  await whenReady(redis, 60_000);
  expect(await codes(old, couponId, "bob")).toEqual(["NOT_LOADED"]);
  expect(await codes(fresh, couponId, "bob")).toEqual(["NOT_LOADED"]);
  expect(await loading.swapScripts(couponId, 1)).toBe("NOT_LOADED");
  // Even a swap script that was carried over with the old id in its text.
  const { swap } = renderSaleScripts(runId);
  await redis.script("LOAD", swap.text);
  const { sale, freed } = saleKeys(couponId);
  expect(await redis.evalsha(swap.sha, 2, sale, freed, "1", "shaClaim", "x")).toBe("NOT_LOADED");
  expect(await codes(old, couponId, "bob")).toEqual(["NOT_LOADED"]);
});
