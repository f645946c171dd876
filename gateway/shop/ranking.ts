import { sharedLook } from "../../contracts/async/shared-look.ts";
import type { ProductId } from "../../contracts/orders/ids.ts";
import {
  MAX_RANKS,
  type RankedProduct,
  type Ranking,
  type RankingPeriod,
} from "../../contracts/shop/http-catalogue.ts";
import type { CountedRanking, Rank, RankingCache } from "../../lua/ranking.ts";
import type { Offers } from "./offers.ts";

/** How old a ranking may be, milliseconds, before it is counted again. All gateways together count once per this time. */
export const RANKING_MAX_AGE_MS = 2_000;
/** After a slow count the pause is this many times its duration, so that counting uses at most 5 % of a connection. */
const REST_FACTOR = 20;
const DAY_MS = 24 * 3600 * 1000;

export interface RankingSources {
  readonly cache: RankingCache;
  /** The best-selling products since a day (null: ever), counted by PostgreSQL. */
  readonly count: (since: string | null, limit: number) => Promise<readonly Rank[]>;
  readonly offers: Pick<Offers, "of">;
  readonly now?: () => number;
  readonly onError: (error: unknown) => void;
}

type Named = Awaited<ReturnType<Offers["of"]>>;
export type ReadRanking = (period: RankingPeriod, limit: number) => Promise<Ranking>;

/** A day of UTC as PostgreSQL writes it. */
export const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** The first day that a period counts. */
export function sinceOf(period: RankingPeriod, nowMs: number): string | null {
  if (period === "all") return null;
  return dayOf(period === "daily" ? nowMs : nowMs - 6 * DAY_MS);
}

/** Counts a ranking in PostgreSQL and puts it into Redis. */
export async function rebuildRanking(
  { cache, count, now = Date.now }: Pick<RankingSources, "cache" | "count" | "now">,
  period: RankingPeriod,
): Promise<CountedRanking> {
  const countedAt = now(); // before counting: sales during the count may or may not be in it
  const counted = { ranks: await count(sinceOf(period, countedAt), MAX_RANKS), countedAt };
  await cache.replace(period, dayOf(countedAt), counted);
  return counted;
}

/**
 * The best sellers from Redis. Completing an order touches no ranking. A reader that finds an old ranking counts again; only one
 * gateway does so at a time, and the others use the old one. So Redis may lose it, and no sale is counted twice.
 * While PostgreSQL does not answer, the old ranking is used; while Redis does not answer, PostgreSQL's count.
 */
export function createReadRanking(sources: RankingSources): ReadRanking {
  const { cache, offers, now = Date.now, onError } = sources;
  /** The names and prices of the products in the last answers; they may be outdated. */
  const lastNamed = new Map<RankingPeriod, Named>();

  /** Offers expire within seconds. Without PostgreSQL the earlier names are used, if all are known. */
  async function namesOf(period: RankingPeriod, ids: readonly ProductId[]): Promise<Named> {
    try {
      const named = await offers.of(ids);
      lastNamed.set(period, named);
      return named;
    } catch (error) {
      const named = lastNamed.get(period);
      if (named === undefined || !ids.every((id) => named.has(id))) throw error;
      onError(error);
      return named;
    }
  }

  async function current(period: RankingPeriod): Promise<CountedRanking> {
    const day = dayOf(now());
    let stored: CountedRanking | null = null;
    try {
      stored = await cache.read(period, day, MAX_RANKS);
      // A difference in either direction: the count of a gateway whose clock is ahead must not stay.
      if (stored !== null && Math.abs(now() - stored.countedAt) < RANKING_MAX_AGE_MS) return stored;
      if (stored !== null && !(await cache.takeTurn(period, day, RANKING_MAX_AGE_MS))) return stored;
    } catch (error) {
      onError(error);
      const countedAt = now();
      return { ranks: await sources.count(sinceOf(period, countedAt), MAX_RANKS), countedAt };
    }
    try {
      const begun = now();
      const counted = await rebuildRanking(sources, period);
      const restMs = (now() - begun) * REST_FACTOR;
      if (restMs > RANKING_MAX_AGE_MS) await cache.rest(period, day, restMs).catch(onError);
      return counted;
    } catch (error) {
      if (stored === null) throw error;
      onError(error);
      return stored;
    }
  }

  const sharedCurrent = sharedLook(current, { joinRunning: true });
  return async (period, limit) => {
    const { ranks, countedAt } = await sharedCurrent(period);
    const named = await namesOf(
      period,
      ranks.map(({ productId }) => productId),
    );
    return { period, items: listedOf(ranks, named, limit), countedAt: new Date(countedAt).toISOString() };
  };
}

/** The first places. A product that is not listed, or was deleted by hand, has none. */
function listedOf(ranks: readonly Rank[], named: Named, limit: number): RankedProduct[] {
  const items: RankedProduct[] = [];
  for (const { productId, sold } of ranks) {
    const offer = named.get(productId);
    if (items.length === limit) break;
    if (!offer?.listed) continue;
    const { name, price, currency } = offer;
    items.push({ rank: items.length + 1, productId, name, price, currency, sold });
  }
  return items;
}
