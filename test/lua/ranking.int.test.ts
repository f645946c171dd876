import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { ProductId } from "../../contracts/orders/ids.ts";
import { rankingKeys } from "../../lua/keys.ts";
import { createRankingCache, type RankingCache } from "../../lua/ranking.ts";
import type { RedisConnection } from "../../lua/redis.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { until } from "../support/until.ts";
import { connected } from "./sale.ts";

setDefaultTimeout(180_000);

const DAY = "2027-01-31";
let server: RedisServer;
let redis: RedisConnection;
let cache: RankingCache;
beforeAll(async () => {
  server = await startRedis();
  redis = await connected(server.url);
  cache = createRankingCache(redis);
});
afterAll(async () => {
  redis?.disconnect();
  await server?.remove();
});

const ranks = (...pairs: readonly (readonly [string, number])[]) =>
  pairs.map(([productId, sold]) => ({ productId: productId as ProductId, sold }));

test("a ranking replaces the one before as a whole, and each period and day has its own", async () => {
  expect(await cache.read("daily", DAY, 10)).toBeNull();
  await cache.replace("daily", DAY, { ranks: ranks(["a", 3], ["b", 9]), countedAt: 1_000 });
  expect(await cache.read("daily", DAY, 10)).toEqual({ ranks: ranks(["b", 9], ["a", 3]), countedAt: 1_000 });
  expect((await cache.read("daily", DAY, 1))!.ranks).toEqual(ranks(["b", 9]));
  await cache.replace("daily", DAY, { ranks: ranks(["c", 1]), countedAt: 2_000 });
  expect(await cache.read("daily", DAY, 10)).toEqual({ ranks: ranks(["c", 1]), countedAt: 2_000 });
  expect(await cache.read("daily", "2027-02-01", 10)).toBeNull();
  expect(await cache.read("weekly", DAY, 10)).toBeNull();
});

test("nothing sold is an answer, too; equals come as PostgreSQL orders them; sums stay exact", async () => {
  await cache.replace("all", DAY, { ranks: [], countedAt: 5 });
  expect(await cache.read("all", DAY, 10)).toEqual({ ranks: [], countedAt: 5 });
  const most = ranks(["z", Number.MAX_SAFE_INTEGER], ["b", 7], ["a", 7]);
  await cache.replace("all", DAY, { ranks: most, countedAt: 6 });
  expect((await cache.read("all", DAY, 10))!.ranks).toEqual(most);
});

test("a turn to count is one caller's until it ends", async () => {
  const turns = await Promise.all([1, 2, 3].map(() => cache.takeTurn("weekly", DAY, 3_000)));
  expect(turns.filter(Boolean)).toHaveLength(1);
  await until("it has ended", () => cache.takeTurn("weekly", DAY, 80));
  await cache.rest("weekly", DAY, 600_000);
  await Bun.sleep(120);
  expect(await cache.takeTurn("weekly", DAY, 80)).toBe(false);
});

test("what is kept goes by itself, in two days", async () => {
  await cache.replace("daily", DAY, { ranks: ranks(["a", 1]), countedAt: 7 });
  const { ranks: key, counted } = rankingKeys("daily", DAY);
  for (const one of [key, counted]) {
    expect(await redis.ttl(one)).toBeGreaterThan(47 * 3600);
    expect(await redis.ttl(one)).toBeLessThanOrEqual(48 * 3600);
  }
});
