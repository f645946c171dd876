import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { newCouponId } from "../../contracts/wire/ids.ts";
import { evalsha } from "../../lua/commands.ts";
import { saleKeys, shadowKeys } from "../../lua/keys.ts";
import { ledgerLength } from "../../lua/ledger.ts";
import type { RedisConnection } from "../../lua/redis.ts";
import { createSaleLoading, type SaleLoading } from "../../lua/sale-loading.ts";
import { readSale, readWinners } from "../../lua/sale-reading.ts";
import { renderSaleScripts } from "../../lua/sale-script-text.ts";
import { createSaleScripts, type SaleScripts } from "../../lua/sale-scripts.ts";
import type { LoadedWinner } from "../../lua/sale-shadow.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { claimOf, claimsOf, connected, loadedSale, terms, winner } from "./sale.ts";

setDefaultTimeout(180_000);

let server: RedisServer;
let redis: RedisConnection;
let scripts: SaleScripts;
let loading: SaleLoading;

beforeAll(async () => {
  server = await startRedis();
  redis = await connected(server.url);
  scripts = createSaleScripts(redis);
  loading = createSaleLoading(redis);
});
afterAll(async () => {
  redis?.disconnect();
  await server?.remove();
});
afterEach(async () => {
  expect(await redis.keys("*:load:*")).toEqual([]); // no loader leaves a shadow behind
});

const won = (batch: { results: readonly object[] }) =>
  batch.results.map((one) => ("slot" in one ? one.slot : (one as { code: string }).code));

test("a loaded sale has the winners, hands out the gaps first and then fresh slots", async () => {
  const couponId = newCouponId();
  const winners = [winner(couponId, "ada", 2), winner(couponId, "bea", 5)];
  await loading.fence(couponId, 4);
  const sale = terms({ total: 7, name: "Ünï code & spaces" });
  expect(await loading.load(couponId, sale, 4, winners)).toBe("LOADED");
  expect(await readSale(redis, couponId)).toEqual({
    ...sale,
    next: 5,
    freed: 3,
    left: 5,
    winners: 2,
    epoch: 4,
    version: 2,
    runId: await loading.runId(couponId),
  });
  const batch = await scripts.claim(couponId, claimsOf(couponId, "ada", "c", "d", "e", "f", "g", "h"));
  expect(won(batch)).toEqual([2, 1, 3, 4, 6, 7, "SOLD_OUT"]);
  expect(batch.results[0]).toEqual({ code: "ALREADY_WON", slot: 2, requestId: winners[0]!.requestId });
  const found = new Map<string, number>();
  for await (const portion of readWinners(redis, couponId)) for (const one of portion) found.set(one.userId, one.slot);
  expect(found.size).toBe(7);
  expect(found.get("bea")).toBe(5);
});

test("what was loaded does not expire, although a loader's shadow does", async () => {
  const couponId = newCouponId();
  await loading.fence(couponId, 1);
  await loading.load(couponId, terms({ total: 9 }), 1, [winner(couponId, "ada", 3)]);
  const keys = saleKeys(couponId);
  for (const key of [keys.sale, keys.winners, keys.freed]) expect(await redis.ttl(key)).toBe(-1);

  await loading.fence(couponId, 2);
  async function* watched(): AsyncGenerator<LoadedWinner> {
    for (let i = 1; i <= 1_001; i++) yield winner(couponId, `w${i}`, i);
    const [shadow] = await redis.keys("*:load:*");
    expect(await redis.ttl(shadow!)).toBeGreaterThan(500);
  }
  expect(await loading.load(couponId, terms({ total: 2_000 }), 2, watched())).toBe("LOADED");
  expect(await redis.ttl(keys.winners)).toBe(-1);
});

test("a script that names another server than it runs on loads nothing", async () => {
  const couponId = newCouponId();
  await loading.fence(couponId, 1);
  const { load } = renderSaleScripts("b".repeat(40));
  await redis.script("LOAD", load.text);
  const shadow = shadowKeys(couponId, "token");
  await redis.hset(shadow.winners, "ada", "1 request");
  const keys = saleKeys(couponId);
  const all = [keys.sale, keys.winners, keys.freed, keys.ledger, shadow.winners, shadow.freed];
  expect(await evalsha(redis, load.sha, all, ["1", "1", "0", "KEEP", "state", "OPEN", "total", "5", "next", "1"])).toBe(
    "STALE_RUN_ID",
  );
  expect((await loading.health(couponId)).reason).toBe("RECOVERING");
});

test("discarded slots are neither won nor handed out, wherever they lie", async () => {
  const couponId = newCouponId();
  await loading.fence(couponId, 1);
  const winners = [winner(couponId, "ada", 3)];
  expect(await loading.load(couponId, terms({ total: 6 }), 1, winners, { discarded: [1, 5] })).toBe("LOADED");
  expect(won(await scripts.claim(couponId, claimsOf(couponId, "b", "c", "d", "e")))).toEqual([2, 4, 6, "SOLD_OUT"]);
});

test("a sale without winners is loaded, and one whose slots are all taken is sold out", async () => {
  const empty = await loadedSale(redis, { total: 1 });
  expect(await readSale(redis, empty)).toMatchObject({ next: 0, left: 1, winners: 0 });
  const full = newCouponId();
  await loading.fence(full, 1);
  await loading.load(full, terms({ total: 1 }), 1, [winner(full, "ada", 1)]);
  expect(won(await scripts.claim(full, claimsOf(full, "bea")))).toEqual(["SOLD_OUT"]);
});

test("a reload forgets what the snapshot does not have, and keeps the ledger unless told otherwise", async () => {
  const couponId = await loadedSale(redis, { total: 5 });
  await scripts.claim(couponId, claimsOf(couponId, "ada", "bea"));
  const before = (await readSale(redis, couponId))!;
  await loading.fence(couponId, 2);
  expect(await loading.load(couponId, terms({ total: 5 }), 2, [winner(couponId, "bea", 2)])).toBe("LOADED");
  expect(await ledgerLength(redis, couponId)).toBe(2);
  const after = (await readSale(redis, couponId))!;
  expect(after).toMatchObject({ epoch: 2, next: 2, freed: 1, winners: 1, left: 4 });
  expect(after.version).toBe(before.version + 2); // the fence and the load
  await loading.fence(couponId, 3);
  await loading.load(couponId, terms({ total: 5 }), 3, [], { dropLedger: true });
  expect(await ledgerLength(redis, couponId)).toBe(0);
});

test("a load without its fence, or under an older epoch, changes nothing", async () => {
  const unfenced = newCouponId();
  expect(await loading.load(unfenced, terms(), 1, [])).toBe("STALE_EPOCH");
  expect(await readSale(redis, unfenced)).toBeNull();

  const couponId = await loadedSale(redis, { total: 5 });
  await scripts.claim(couponId, claimsOf(couponId, "ada"));
  await loading.fence(couponId, 3);
  const fenced = await readSale(redis, couponId);
  expect(await loading.load(couponId, terms(), 2, [])).toBe("STALE_EPOCH");
  expect(await loading.fence(couponId, 2)).toBe("STALE_EPOCH");
  expect(await loading.fence(couponId, 3)).toBe("UNCHANGED");
  expect(await readSale(redis, couponId)).toEqual(fenced);
});

test("loading again under the epoch that is loaded forgets no claim", async () => {
  const couponId = await loadedSale(redis, { total: 5 });
  await scripts.claim(couponId, claimsOf(couponId, "ada"));
  expect(await loading.fence(couponId, 1)).toBe("STALE_EPOCH");
  expect(await loading.load(couponId, terms({ total: 5 }), 1, [])).toBe("LOADED");
  expect(await readSale(redis, couponId)).toMatchObject({ winners: 1, next: 1, epoch: 1 });
});

test("two loaders at once: one of them puts the sale in place, and claims made meanwhile stay", async () => {
  const couponId = newCouponId();
  await loading.fence(couponId, 1);
  const winners = Array.from({ length: 3_000 }, (_, i) => winner(couponId, `w${i}`, i + 1));
  const sale = terms({ total: 4_000 });
  async function* slowly(): AsyncGenerator<LoadedWinner> {
    for (const [i, one] of winners.entries()) {
      if (i === 2_500) {
        while (!(await loading.health(couponId)).loaded) await Bun.sleep(5);
        await scripts.claim(couponId, claimsOf(couponId, "late"));
      }
      yield one;
    }
  }
  const codes = await Promise.all([
    loading.load(couponId, sale, 1, winners),
    createSaleLoading(redis).load(couponId, sale, 1, slowly()),
  ]);
  expect(codes).toEqual(["LOADED", "LOADED"]);
  expect(await readSale(redis, couponId)).toMatchObject({ winners: 3_001, next: 3_001, left: 999 });
});

test("a loader that was overtaken by a newer fence gives up", async () => {
  const couponId = newCouponId();
  await loading.fence(couponId, 1);
  async function* overtaken(): AsyncGenerator<LoadedWinner> {
    yield winner(couponId, "ada", 1);
    await loading.fence(couponId, 2);
  }
  expect(await loading.load(couponId, terms(), 1, overtaken())).toBe("STALE_EPOCH");
  expect(await loading.load(couponId, terms(), 2, [])).toBe("LOADED");
});

test("a snapshot that contradicts itself is refused and nothing is loaded", async () => {
  const couponId = newCouponId();
  await loading.fence(couponId, 1);
  const twice = [winner(couponId, "ada", 1), winner(couponId, "bea", 1)];
  await expect(loading.load(couponId, terms(), 1, twice)).rejects.toThrow("taken twice");
  await expect(loading.load(couponId, terms({ total: 2 }), 1, [winner(couponId, "ada", 3)])).rejects.toThrow(
    "outside 1..2",
  );
  const sameUser = [winner(couponId, "ada", 1), winner(couponId, "ada", 2)];
  await expect(loading.load(couponId, terms(), 1, sameUser)).rejects.toMatchObject({ code: "INTERNAL" });
  const long = [
    ...Array.from({ length: 2_500 }, (_, i) => winner(couponId, `w${i}`, i + 1)),
    winner(couponId, "ada", 1),
  ];
  await expect(loading.load(couponId, terms({ total: 9_000 }), 1, long)).rejects.toThrow("taken twice");
  expect((await loading.health(couponId)).reason).toBe("RECOVERING");
});

test("health names what is wrong", async () => {
  const couponId = await loadedSale(redis);
  expect(await loading.health(couponId)).toMatchObject({ loaded: true, epoch: 1, state: "OPEN" });
  const nothing = newCouponId();
  expect(await loading.health(nothing)).toMatchObject({ loaded: false, epoch: 0, state: null, reason: "MISSING" });
  await redis.hset(saleKeys(couponId).sale, "runId", "0".repeat(40));
  expect((await loading.health(couponId)).reason).toBe("RUN_ID");
  await redis.hset(saleKeys(couponId).sale, "runId", await loading.runId(couponId), "shaClaim", "f".repeat(40));
  expect((await loading.health(couponId)).reason).toBe("SCRIPTS");
  expect((await scripts.claim(couponId, [claimOf(couponId, "ada")])).results[0]!.code).toBe("NOT_LOADED");
});

test("100,000 winners are loaded in seconds", async () => {
  const couponId = newCouponId();
  await loading.fence(couponId, 1);
  const winners = Array.from({ length: 100_000 }, (_, i) => winner(couponId, `user-${i}`, i + 1));
  const begun = performance.now();
  expect(await loading.load(couponId, terms({ total: 200_000 }), 1, winners)).toBe("LOADED");
  // On a quiet machine less than one; winner by winner it would be a minute and more.
  expect(performance.now() - begun).toBeLessThan(20_000);
  expect(await readSale(redis, couponId)).toMatchObject({ winners: 100_000, left: 100_000 });
});

test("a look at many sales asks their server once who it is, and still sees a sale that another server process loaded", async () => {
  const ids = Array.from({ length: 20 }, newCouponId);
  for (const id of ids) {
    await loading.fence(id, 1);
    await loading.load(id, terms({ total: 1 }), 1, []);
  }
  await redis.hset(saleKeys(ids[7]!).sale, "runId", "f".repeat(40));
  const asked = async () => Number(/cmdstat_info:calls=(\d+)/.exec(await redis.info("commandstats"))?.[1] ?? 0);
  const before = await asked();
  const round = loading.startRound();
  const healths = await Promise.all(ids.map((id) => loading.health(id, round)));
  // One for the round, one for the sale that looked lost, and the first of this test itself.
  expect((await asked()) - before).toBe(3);
  expect(healths.filter(({ loaded }) => !loaded).map(({ reason }) => reason)).toEqual(["RUN_ID"]);
});
