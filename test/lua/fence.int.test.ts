import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import type { CouponId } from "../../contracts/wire/ids.ts";
import { type RedisConnection, whenReady } from "../../lua/redis.ts";
import { createSaleLoading } from "../../lua/sale-loading.ts";
import { readSale } from "../../lua/sale-reading.ts";
import { createSaleScripts, type SaleScripts } from "../../lua/sale-scripts.ts";
import type { LoadedWinner } from "../../lua/sale-shadow.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { synced } from "../support/synced.ts";
import { claimOf, claimsOf, connected, loadedSale, loadSale, terms, winner } from "./sale.ts";

setDefaultTimeout(180_000);

let server: RedisServer;
let redis: RedisConnection;
let scripts: SaleScripts;

beforeEach(async () => {
  server = await startRedis();
  redis = await connected(server.url);
  scripts = createSaleScripts(redis);
});
afterEach(async () => {
  redis?.disconnect();
  await server?.remove();
});

const codesOf = async (couponId: CouponId, ...names: string[]) =>
  (await scripts.claim(couponId, claimsOf(couponId, ...names))).results.map(({ code }) => code);

/** A crash that finds everything on disk. */
async function restart(): Promise<void> {
  await synced(redis);
  await server.kill();
  await server.start();
  expect(await whenReady(redis, 60_000)).toBe(true);
}

/** Calls of a command since the server started. */
async function calls(command: string): Promise<number> {
  const stats = await redis.info("commandstats");
  return Number(new RegExp(`^cmdstat_${command.replace("|", "\\|")}:calls=(\\d+)`, "m").exec(stats)?.[1] ?? 0);
}

test("after a crash no user can claim until the sale is loaded again, although its keys survived", async () => {
  const couponId = await loadedSale(redis, { total: 5 });
  expect(await codesOf(couponId, "ada", "bea")).toEqual(["ACCEPTED", "ACCEPTED"]);
  await restart();

  const survived = await readSale(redis, couponId);
  expect(survived).toMatchObject({ state: "OPEN", winners: 2, epoch: 1 });
  expect(await codesOf(couponId, "ada", "cem")).toEqual(["NOT_LOADED", "NOT_LOADED"]);
  const claim = claimOf(couponId, "ada");
  expect(await scripts.release(couponId, { ...claim, epoch: 1, reason: "INTERNAL" })).toBe("NOT_LOADED");
  expect(await scripts.acknowledge(couponId, [{ ...claim, ledgerId: "0-0", slot: 1 }])).toMatchObject({
    code: "NOT_LOADED",
  });
  expect(await scripts.setState(couponId, "PAUSED")).toBe("NOT_LOADED");
  const replacement = { ...claim, keptRequestId: claim.requestId, keptSlot: 1, freeSlot: true };
  expect(await scripts.replaceWinner(couponId, replacement)).toBe("NOT_LOADED");
  expect(await readSale(redis, couponId)).toEqual(survived);

  const health = await createSaleLoading(redis).health(couponId);
  expect(health).toMatchObject({ loaded: false, epoch: 1, state: "OPEN", reason: "RUN_ID" });
  await loadSale(redis, couponId, 2, { total: 5 }, [winner(couponId, "ada", 1), winner(couponId, "bea", 2)]);
  expect(await codesOf(couponId, "ada", "cem")).toEqual(["ALREADY_WON", "ACCEPTED"]);
});

test("the wrappers of a gateway never load a script and never use EVAL", async () => {
  const couponId = await loadedSale(redis, { total: 5 });
  await codesOf(couponId, "ada");
  await restart();
  expect(await calls("evalsha")).toBe(0);
  await Promise.all(Array.from({ length: 20 }, (_, i) => codesOf(couponId, `u${i}`)));
  expect(await calls("evalsha")).toBeGreaterThan(0);
  expect(await calls("eval")).toBe(0);
  expect(await calls("script|load")).toBe(0);
  expect((await readSale(redis, couponId))?.winners).toBe(1);
});

test("loading a sale uses no EVAL either", async () => {
  const couponId = await loadedSale(redis, { total: 5 });
  await createSaleLoading(redis).health(couponId);
  expect(await calls("script|load")).toBeGreaterThan(5);
  expect(await calls("eval")).toBe(0);
});

test("FLUSHALL and SCRIPT FLUSH close the sale until it is loaded again", async () => {
  const couponId = await loadedSale(redis, { total: 5 });
  const loading = createSaleLoading(redis);
  expect(await codesOf(couponId, "ada")).toEqual(["ACCEPTED"]);
  await redis.flushall();
  expect(await codesOf(couponId, "bea")).toEqual(["NOT_LOADED"]);
  expect((await loading.health(couponId)).reason).toBe("MISSING");
  await loadSale(redis, couponId, 2, { total: 5 }, [winner(couponId, "ada", 1)]);
  expect(await codesOf(couponId, "ada", "bea")).toEqual(["ALREADY_WON", "ACCEPTED"]);

  await redis.script("FLUSH");
  expect(await codesOf(couponId, "cem")).toEqual(["NOT_LOADED"]);
  expect((await loading.health(couponId)).reason).toBe("SCRIPTS");
});

test("keys that were copied to another server do not work there", async () => {
  const couponId = await loadedSale(redis, { total: 5 });
  const loadedHere = await redis.hgetall(`{c:${couponId}}:sale`);
  await restart();
  // The scripts of this process are on the server (another sale was loaded), but this sale's hash is of the last one.
  const other = await loadedSale(redis, { total: 5 });
  const shas = await redis.hmget(`{c:${other}}:sale`, "shaClaim");
  await redis.hset(`{c:${couponId}}:sale`, { ...loadedHere, shaClaim: shas[0]! });
  expect(await codesOf(couponId, "ada")).toEqual(["NOT_LOADED"]);
  expect(await codesOf(other, "ada")).toEqual(["ACCEPTED"]);
});

test("a snapshot whose server restarted before it was put in place is refused", async () => {
  const couponId = await loadedSale(redis, { total: 5 });
  const loading = createSaleLoading(redis);
  await loading.fence(couponId, 2);
  async function* interrupted(): AsyncGenerator<LoadedWinner> {
    yield winner(couponId, "ada", 1);
    await restart();
  }
  expect(await loading.load(couponId, terms({ total: 5 }), 2, interrupted())).toBe("STALE_RUN_ID");
  expect((await loading.health(couponId)).reason).toBe("RECOVERING");
  expect(await loading.load(couponId, terms({ total: 5 }), 2, [])).toBe("LOADED");
});

test("a promoted replica does not know the scripts, so it decides nothing", async () => {
  const couponId = await loadedSale(redis, { total: 5 });
  await codesOf(couponId, "ada");
  const replica = await startRedis();
  const there = await connected(replica.url);
  try {
    await there.replicaof("127.0.0.1", String(server.port));
    while (!(await there.info("replication")).includes("master_link_status:up")) await Bun.sleep(50);
    await server.kill();
    await there.replicaof("NO", "ONE");
    const promoted = createSaleScripts(there);
    expect((await readSale(there, couponId))?.winners).toBe(1);
    expect((await promoted.claim(couponId, claimsOf(couponId, "bea"))).results).toEqual([{ code: "NOT_LOADED" }]);
    expect((await createSaleLoading(there).health(couponId)).reason).toBe("RUN_ID");
  } finally {
    there.disconnect();
    await replica.remove();
  }
});

test("a master that was a replica meanwhile is found out, although it kept its scripts; a new replica raises no alarm", async () => {
  const couponId = await loadedSale(redis, { total: 5 });
  const other = await startRedis();
  const there = await connected(other.url);
  const inStep = async (replica: RedisConnection, port: number) => {
    await replica.replicaof("127.0.0.1", String(port));
    while (!(await replica.info("replication")).includes("master_link_status:up")) await Bun.sleep(50);
  };
  const loading = createSaleLoading(redis);
  try {
    await inStep(there, server.port);
    expect(await loading.health(couponId)).toMatchObject({ loaded: true });

    await there.replicaof("NO", "ONE");
    expect(await codesOf(couponId, "ada")).toEqual(["ACCEPTED"]); // the new master never hears of it
    await there.set("a write of", "its own");
    await inStep(redis, other.port);
    await redis.replicaof("NO", "ONE");
    expect(await readSale(redis, couponId)).toMatchObject({ winners: 0, state: "OPEN" });
    expect(await loading.health(couponId)).toMatchObject({ loaded: false, reason: "FAILOVER" });
    await loadSale(redis, couponId, 2, { total: 5 }, [winner(couponId, "ada", 1)]);
    expect(await loading.health(couponId)).toMatchObject({ loaded: true });
  } finally {
    there.disconnect();
    await other.remove();
  }
});
