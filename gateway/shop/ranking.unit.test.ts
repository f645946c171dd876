import { expect, test } from "bun:test";
import type { ProductId } from "../../contracts/orders/ids.ts";
import type { RankingPeriod } from "../../contracts/shop/http-catalogue.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { CountedRanking, RankingCache } from "../../lua/ranking.ts";
import { createReadRanking, RANKING_MAX_AGE_MS, sinceOf } from "./ranking.ts";

const NOON = Date.UTC(2027, 0, 31, 12);

test.each([
  ["daily", "2027-01-31"],
  ["weekly", "2027-01-25"],
  ["all", null],
] as const)("%s counts from %p", (period, since) => {
  expect(sinceOf(period, NOON)).toBe(since);
});

/** A ranking whose PostgreSQL and Redis fail on demand; what is decided here is only who answers. */
function ranking() {
  const state = {
    now: NOON,
    sold: 1,
    counts: 0,
    redisAway: false,
    databaseAway: false,
    offersAway: false,
    turnTaken: false,
    countTakesMs: 0,
    restMs: 0,
    unlisted: new Set<string>(),
  };
  const stored = new Map<string, CountedRanking>();
  const redis = <T>(work: () => T): Promise<T> =>
    state.redisAway ? Promise.reject(new StampedeError("REDIS_UNAVAILABLE")) : Promise.resolve(work());
  const key = (period: RankingPeriod, day: string) => `${period} ${day}`;
  const cache: RankingCache = {
    read: (period, day) => redis(() => stored.get(key(period, day)) ?? null),
    takeTurn: () => redis(() => !state.turnTaken),
    rest: (_period, _day, ms) => redis(() => void Object.assign(state, { restMs: ms })),
    replace: (period, day, counted) => redis(() => void stored.set(key(period, day), counted)),
  };
  const read = createReadRanking({
    cache,
    async count() {
      state.counts++;
      state.now += state.countTakesMs;
      if (state.databaseAway) throw new StampedeError("DATABASE_UNAVAILABLE");
      return ["a", "b", "c"].map((id, i) => ({ productId: id as ProductId, sold: state.sold - i }));
    },
    offers: {
      async of(ids) {
        if (state.offersAway) throw new StampedeError("DATABASE_UNAVAILABLE");
        return new Map(
          ids.map((id) => {
            const offer = { productId: id, name: id, price: 5, currency: "EUR", flash: false };
            return [id, { ...offer, listed: !state.unlisted.has(id) } as never];
          }),
        );
      },
    },
    now: () => state.now,
    onError() {},
  });
  const sold = async () => (await read("daily", 10)).items[0]?.sold;
  return { state, sold, read };
}

test("a product that is not listed has no place, and the next ones move up", async () => {
  const { state, read } = ranking();
  const places = async (limit: number) => (await read("daily", limit)).items.map((one) => [one.rank, one.productId]);
  expect(await places(2)).toEqual([
    [1, "a"],
    [2, "b"],
  ] as never);
  state.unlisted.add("a");
  expect(await places(2)).toEqual([
    [1, "b"],
    [2, "c"],
  ] as never);
});

test("a ranking is counted when there is none and when it is old, and served from Redis between", async () => {
  const { state, sold } = ranking();
  expect(await sold()).toBe(1);
  state.sold = 2;
  expect(await sold()).toBe(1);
  expect(state.counts).toBe(1);
  state.now += RANKING_MAX_AGE_MS;
  expect(await sold()).toBe(2);
  expect(state.counts).toBe(2);
});

test("who asks at once shares one look", async () => {
  const { state, sold } = ranking();
  expect(await Promise.all([sold(), sold(), sold()])).toEqual([1, 1, 1]);
  expect(state.counts).toBe(1);
});

test("while another gateway counts, the old ranking serves", async () => {
  const { state, sold } = ranking();
  await sold();
  Object.assign(state, { sold: 2, now: state.now + RANKING_MAX_AGE_MS, turnTaken: true });
  expect(await sold()).toBe(1);
});

test("a count from a clock that is ahead does not stay", async () => {
  const { state, sold } = ranking();
  state.now += 3_600_000;
  await sold();
  Object.assign(state, { sold: 2, now: NOON });
  expect(await sold()).toBe(2);
});

test("without PostgreSQL the old ranking serves; without Redis, PostgreSQL's count; without both, an error", async () => {
  const { state, sold } = ranking();
  await sold();
  Object.assign(state, { sold: 2, now: state.now + RANKING_MAX_AGE_MS, databaseAway: true });
  expect(await sold()).toBe(1);
  Object.assign(state, { databaseAway: false, redisAway: true });
  expect(await sold()).toBe(2);
  state.databaseAway = true;
  expect(await sold().catch((error) => error.code)).toBe("DATABASE_UNAVAILABLE");
});

test("without PostgreSQL products are called as they were; whose name was never heard is no guess", async () => {
  const { state, sold } = ranking();
  state.offersAway = true;
  expect(await sold().catch((error) => error.code)).toBe("DATABASE_UNAVAILABLE");
  state.offersAway = false;
  await sold();
  Object.assign(state, { databaseAway: true, offersAway: true, now: state.now + RANKING_MAX_AGE_MS });
  expect(await sold()).toBe(1);
});

test("a count that takes long is rested from, a short one is not", async () => {
  const { state, sold } = ranking();
  state.countTakesMs = 50;
  await sold();
  expect(state.restMs).toBe(0);
  state.countTakesMs = 1_500;
  state.now += RANKING_MAX_AGE_MS;
  await sold();
  expect(state.restMs).toBe(30_000);
});
