import { RANKING_PERIODS, type RankingPeriod } from "../../contracts/shop/http-catalogue.ts";
import { createDatabase } from "../../db/client.ts";
import { bestSellers } from "../../db/shop/sold.ts";
import { rebuildRanking } from "../../gateway/shop/ranking.ts";
import { createRankingCache, type Rank } from "../../lua/ranking.ts";
import { createRedis, whenReady } from "../../lua/redis.ts";
import { CliError } from "../../stack/errors.ts";
import type { StackEnv } from "../../stack/service.ts";

const PATIENCE_MS = 4_000;

/** Counts all rankings anew and puts them into Redis. @throws CliError when Redis or PostgreSQL does not answer */
export async function rebuildRankings(env: StackEnv): Promise<ReadonlyMap<RankingPeriod, readonly Rank[]>> {
  const redis = createRedis(env.REDIS_URL, { name: "ranking" });
  const database = createDatabase(env.DATABASE_URL, { max: 1, name: "ranking", statementTimeoutMs: 0 });
  const away = (what: string, cause?: unknown) =>
    new CliError(`${what} does not answer: start it with ./dev up`, { cause });
  try {
    if (!(await whenReady(redis, PATIENCE_MS))) throw away("Redis");
    await database.ping(PATIENCE_MS).catch((error: unknown) => {
      throw away("PostgreSQL", error);
    });
    const cache = createRankingCache(redis);
    const count = (since: string | null, limit: number) => bestSellers(database.sql, since, limit);
    const rebuilt = new Map<RankingPeriod, readonly Rank[]>();
    for (const period of RANKING_PERIODS) rebuilt.set(period, (await rebuildRanking({ cache, count }, period)).ranks);
    return rebuilt;
  } finally {
    redis.disconnect();
    await database.close();
  }
}
