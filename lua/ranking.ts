import type { ProductId } from "../contracts/orders/ids.ts";
import type { RankingPeriod } from "../contracts/shop/http-catalogue.ts";
import { rankingKeys } from "./keys.ts";
import { PortableScript } from "./portable-script.ts";
import replaceText from "./ranking-replace.lua" with { type: "text" };
import type { RedisConnection } from "./redis.ts";
import { rethrow } from "./redis-failure.ts";

export interface Rank {
  readonly productId: ProductId;
  readonly sold: number;
}

export interface CountedRanking {
  /** Most sold first. */
  readonly ranks: readonly Rank[];
  /** Milliseconds since 1970. */
  readonly countedAt: number;
}

/** The rankings that all gateways share: a copy of what PostgreSQL counts. All reject with StampedeError. */
export interface RankingCache {
  /** The first `limit`; null: no gateway has counted yet, or Redis has lost the count. */
  read(period: RankingPeriod, day: string, limit: number): Promise<CountedRanking | null>;
  /** Whether it is the caller's turn to count. If so, no other gateway counts for `ms`. */
  takeTurn(period: RankingPeriod, day: string, ms: number): Promise<boolean>;
  /** No gateway counts for `ms` from now: counting takes long, so it is done less often. */
  rest(period: RankingPeriod, day: string, ms: number): Promise<void>;
  replace(period: RankingPeriod, day: string, counted: CountedRanking): Promise<void>;
}

/** Seconds after which a ranking expires. */
const KEEP_S = 2 * 24 * 3600;

export function createRankingCache(redis: RedisConnection): RankingCache {
  const replaceScript = new PortableScript(replaceText);
  return {
    async read(period, day, limit) {
      const keys = rankingKeys(period, day);
      const [counted, pairs] = await Promise.all([
        redis.get(keys.counted),
        redis.zrevrange(keys.ranks, 0, limit - 1, "WITHSCORES"),
      ]).catch(rethrow);
      if (counted === null) return null;
      const ranks: Rank[] = [];
      for (let i = 0; i < pairs.length; i += 2) {
        ranks.push({ productId: pairs[i] as ProductId, sold: Number(pairs[i + 1]) });
      }
      return { ranks, countedAt: Number(counted) };
    },
    async takeTurn(period, day, ms) {
      const { turn } = rankingKeys(period, day);
      return (await redis.set(turn, "1", "PX", ms, "NX").catch(rethrow)) === "OK";
    },
    async rest(period, day, ms) {
      await redis.set(rankingKeys(period, day).turn, "1", "PX", ms).catch(rethrow);
    },
    async replace(period, day, { ranks, countedAt }) {
      const keys = rankingKeys(period, day);
      const args = ranks.flatMap(({ productId, sold }) => [productId, String(sold)]);
      await replaceScript.run(redis, [keys.ranks, keys.counted], [String(countedAt), String(KEEP_S), ...args]);
    },
  };
}
