import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { saleKeys } from "../../lua/keys.ts";
import { readLedger } from "../../lua/ledger.ts";
import type { RedisConnection } from "../../lua/redis.ts";
import { createSaleLoading, type SaleLoading } from "../../lua/sale-loading.ts";
import { createSaleScripts, type SaleScripts } from "../../lua/sale-scripts.ts";
import { openRedis } from "../support/redis.ts";
import { claimOf, connected, loadedSale } from "./sale.ts";

// What a sale does while its keys hold garbage.

setDefaultTimeout(60_000);

let server: Awaited<ReturnType<typeof openRedis>>;
let redis: RedisConnection;
let scripts: SaleScripts;
let loading: SaleLoading;
beforeAll(async () => {
  server = await openRedis();
  redis = await connected(server.url);
  scripts = createSaleScripts(redis);
  loading = createSaleLoading(redis);
});
afterAll(async () => {
  redis?.disconnect();
  await server?.close();
});

const EPOCHS = ["banana", "", "-1", "0", "01", "1.5", "0x1", "2147483648", "99999999999999999999"];
const NEXTS = ["banana", "", "-5", "1.5", "51", "nan", "inf", "99999999999999999999"];
const GARBAGE = [
  ...EPOCHS.map((value) => ({ field: "epoch", value })),
  ...NEXTS.map((value) => ({ field: "next", value })),
];

for (const mode of ["DIRECT", "QUEUED"] as const) {
  test(`no user wins a ${mode} sale whose epoch or next is garbage, and the look finds it broken`, async () => {
    const couponId = await loadedSale(redis, { total: 50, mode });
    const { sale, winners, ledger } = saleKeys(couponId);
    for (const { field, value } of GARBAGE) {
      const before = (await redis.hget(sale, field))!;
      await redis.hset(sale, field, value);
      if (mode === "DIRECT") {
        const batch = await scripts.claim(couponId, [claimOf(couponId, "ann"), claimOf(couponId, "bob")]);
        expect([field, value, ...batch.results.map(({ code }) => code)]).toEqual([
          field,
          value,
          "NOT_LOADED",
          "NOT_LOADED",
        ]);
      } else {
        const batch = await scripts.decide(couponId, [{ ...claimOf(couponId, "ann"), loggedAt: Date.now() }]);
        expect(batch.decided).toEqual([{ kind: "waiting", why: "NOT_LOADED" }]);
      }
      const { reason, detail } = await loading.health(couponId);
      expect([value, reason, detail]).toEqual([value, "BROKEN", `sale: ${field}`]);
      await redis.hset(sale, field, before);
    }
    expect(await redis.exists(winners, ledger)).toBe(0);
    expect(await loading.health(couponId)).toMatchObject({ loaded: true });
  });
}

test("an entry whose owner can be read is a claim, with 0 for a slot or an epoch that cannot be used", async () => {
  const couponId = await loadedSale(redis);
  const { userId, requestId } = claimOf(couponId, "ann");
  const unusable = ["banana", "", "-1", "1.5", "2147483648", "99999999999999999999"];
  const { ledger } = saleKeys(couponId);
  for (const bad of unusable) {
    await redis.xadd(ledger, "*", "u", userId, "r", requestId, "s", bad, "e", "7");
    await redis.xadd(ledger, "*", "u", userId, "r", requestId, "s", "3", "e", bad);
  }
  const { entries, malformed } = await readLedger(redis, couponId, { olderThanMs: 0, count: 100 });
  expect(malformed).toEqual([]);
  const expected = unusable.flatMap(() => [
    { slot: 0, epoch: 7 },
    { slot: 3, epoch: 0 },
  ]);
  expect(entries.map(({ slot, epoch }) => ({ slot, epoch }))).toEqual(expected);
});

test("a fence takes no notice of an epoch that is a million ahead, and gives way to one that is less", async () => {
  const couponId = await loadedSale(redis);
  const { sale } = saleKeys(couponId);
  for (const never of ["999999999", "1000003", "2147483648", "99999999999999999999", "banana"]) {
    await redis.hset(sale, "epoch", never, "state", "OPEN");
    expect(await loading.fence(couponId, 2)).toBe("CHANGED");
    expect(await redis.hmget(sale, "epoch", "state")).toEqual(["2", "RECOVERING"]);
  }
  await redis.hset(sale, "epoch", "1000002");
  expect(await loading.fence(couponId, 2)).toBe("STALE_EPOCH");
});
