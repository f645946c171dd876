import { expect, test } from "bun:test";
import type { LoadResult } from "./load/plan.ts";
import { judgeRush, type RushFacts } from "./rush-judgement.ts";

const wins = [1, 2, 3].map((n) => ({ user: n, requestId: `r${n}`, slot: n, durable: "kafka" }));
const issued = [1, 2, 3].map((n) => ({ userId: `u${n}`, requestId: `r${n}`, slot: n }));
const load: LoadResult = {
  requests: 10,
  statuses: { 202: 3, 409: 7 },
  errors: 0,
  seconds: 1,
  startedAtMs: 0,
  lastWinS: 0.25,
  latency: { pairs: [], max: 0 },
  wins,
  samples: {},
};
const figures = { requests: 10, seconds: 1, rps: 10, p50_ms: 1, p99_ms: 2, max_ms: 3, cpu_us_per_request: null };

function facts(more: Partial<RushFacts> = {}, loadMore: Partial<LoadResult> = {}): RushFacts {
  return {
    couponId: "7qj4x0m2kd9a",
    users: 10,
    coupons: 3,
    measured: { result: { ...load, ...loadMore }, figures, startedAt: 1000 },
    issued,
    crowd: {
      userIds: ["u1", "u9"],
      told: new Map([["u1", { at: 1500, requestId: "r1" }]]),
      heardSoldOut: [1300, 1310],
      dropped: 0,
    },
    reachedAt: 1700,
    ...more,
  };
}

test("a rush in which all is right has no complaint, and times count from the first request", () => {
  const result = judgeRush(facts());
  expect(result.wrong).toEqual([]);
  expect(result).toMatchObject({ winners: 3, oversold: 0, duplicates: 0, lost: 0, soldOutS: 0.25, persistedS: 0.7 });
  expect(result.sockets).toEqual({
    open: 2,
    winners: 1,
    told: 1,
    lastToldS: 0.5,
    heardSoldOut: 2,
    soldOutSpreadMs: 10,
    dropped: 0,
  });
});

const wrongs: [string, RushFacts, string][] = [
  ["a row too many", facts({ issued: [...issued, { userId: "u4", requestId: "r4", slot: 4 }] }), "1 coupons oversold"],
  ["a winner without a row", facts({ issued: issued.slice(1) }), "1 winners were lost"],
  ["a winner whose row has another slot", facts({ issued: [{ ...issued[0]!, slot: 7 }, ...issued.slice(1)] }), "1 winners were lost"],
  ["two answers with one slot", facts({}, { wins: [wins[0]!, wins[1]!, { ...wins[2]!, slot: 2 }] }), "1 duplicates"],
  ["two rows of one user", facts({ issued: [issued[0]!, issued[1]!, { ...issued[2]!, userId: "u1" }] }), "1 duplicates"],
  ["a coupon that no user got", facts({ issued: issued.slice(0, 2) }, { wins: wins.slice(0, 2) }), "2 coupons issued instead of 3"],
  ["requests without an answer", facts({}, { errors: 2 }), "2 requests got no answer"],
  ["rows that never came", facts({ reachedAt: null }), "not all winners were persisted in time"],
  ["a winner who was not told", facts({ crowd: { ...facts().crowd, told: new Map() } }), "1 winners were not told"],
  ["a winner who was told of another request", facts({ crowd: { ...facts().crowd, told: new Map([["u1", { at: 1, requestId: "rX" }]]) } }), "1 winners were not told"],
  ["a listener who did not hear of the end", facts({ crowd: { ...facts().crowd, heardSoldOut: [1300] } }), "1 listeners did not hear of the end"],
  ["a socket that was dropped", facts({ crowd: { ...facts().crowd, dropped: 1 } }), "1 sockets were dropped"],
]; // biome-ignore format: one case a line

for (const [what, given, complaint] of wrongs) {
  test(`${what} is complained about`, () => expect(judgeRush(given).wrong).toContain(complaint));
}
