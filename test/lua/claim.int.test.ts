import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { newCouponId, type RequestId } from "../../contracts/wire/ids.ts";
import { CLAIM_CODES } from "../../contracts/wire/result-codes.ts";
import { saleKeys } from "../../lua/keys.ts";
import { readLedger } from "../../lua/ledger.ts";
import { createSubscriber, type RedisConnection, whenReady } from "../../lua/redis.ts";
import { createSaleLoading } from "../../lua/sale-loading.ts";
import { readSale } from "../../lua/sale-reading.ts";
import { createSaleScripts, parseAnnouncement, type SaleScripts } from "../../lua/sale-scripts.ts";
import { type RedisServer, startRedis, UNHURRIED } from "../support/redis.ts";
import { until } from "../support/until.ts";
import { claimOf, claimsOf, connected, HOUR, loadedSale, loadSale, user, winner } from "./sale.ts";

setDefaultTimeout(180_000);

let server: RedisServer;
let redis: RedisConnection;
let scripts: SaleScripts;
const seen = new Set<string>();

beforeAll(async () => {
  server = await startRedis();
  redis = await connected(server.url);
  const real = createSaleScripts(redis);
  scripts = {
    ...real,
    async claim(...asked) {
      const batch = await real.claim(...asked);
      for (const { code } of batch.results) seen.add(code);
      return batch;
    },
  };
});
afterAll(async () => {
  redis?.disconnect();
  await server?.remove();
});

const codes = (batch: { results: readonly { code: string }[] }) => batch.results.map(({ code }) => code);

test("a batch is decided in order: slots count up, a repeat gets its win, the rest is sold out", async () => {
  const couponId = await loadedSale(redis, { total: 3 });
  const claims = claimsOf(couponId, "ada", "bea", "ada", "cem", "dan");
  const batch = await scripts.claim(couponId, claims);
  expect(codes(batch)).toEqual(["ACCEPTED", "ACCEPTED", "ALREADY_WON", "ACCEPTED", "SOLD_OUT"]);
  const [ada, bea, again, cem] = batch.results;
  expect([ada, bea, cem].map((one) => one && "slot" in one && one.slot)).toEqual([1, 2, 3]);
  expect(again).toEqual({ code: "ALREADY_WON", slot: 1, requestId: claims[0]!.requestId });
  expect(batch).toMatchObject({ epoch: 1, state: "OPEN", total: 3, left: 0 });
  expect(await readSale(redis, couponId)).toMatchObject({
    next: 3,
    freed: 0,
    left: 0,
    winners: 3,
    version: batch.version,
  });

  const { entries } = await readLedger(redis, couponId, { olderThanMs: 0, count: 10 });
  expect(entries).toEqual(
    [0, 1, 3].map((at) => {
      const { slot, ledgerId } = batch.results[at] as { slot: number; ledgerId: string };
      return { ...claims[at]!, slot, ledgerId, epoch: 1 };
    }),
  );
});

test("a winner's later claim is answered with the original request and slot, also when all is sold out", async () => {
  const couponId = await loadedSale(redis, { total: 1 });
  const first = claimOf(couponId, "ada");
  await scripts.claim(couponId, [first]);
  const [again, same, other] = (
    await scripts.claim(couponId, [claimOf(couponId, "ada"), first, claimOf(couponId, "bea")])
  ).results;
  expect(again).toEqual({ code: "ALREADY_WON", slot: 1, requestId: first.requestId });
  expect(same).toEqual({ code: "ALREADY_WON", slot: 1, requestId: first.requestId });
  expect(other).toEqual({ code: "SOLD_OUT" });
});

test("a sale that Redis does not have is NOT_LOADED, and so is one that is fenced", async () => {
  const unknown = newCouponId();
  expect(await scripts.claim(unknown, claimsOf(unknown, "ada", "bea"))).toMatchObject({
    epoch: 0,
    state: "RECOVERING",
    results: [{ code: "NOT_LOADED" }, { code: "NOT_LOADED" }],
  });
  const fenced = await loadedSale(redis);
  await createSaleLoading(redis).fence(fenced, 2);
  const batch = await scripts.claim(fenced, claimsOf(fenced, "ada"));
  expect(batch).toMatchObject({ epoch: 2, state: "RECOVERING", results: [{ code: "NOT_LOADED" }] });
});

const NOW = Date.now();
const REFUSALS = [
  { name: "paused", change: { state: "PAUSED" }, code: "PAUSED" },
  { name: "closed by an operator", change: { state: "CLOSED" }, code: "ENDED" },
  { name: "not started", change: { startsAt: NOW + HOUR }, code: "NOT_STARTED" },
  { name: "over", change: { endsAt: NOW - 1 }, code: "ENDED" },
  { name: "paused before it starts", change: { state: "PAUSED", startsAt: NOW + HOUR }, code: "PAUSED" },
  { name: "closed before it starts", change: { state: "CLOSED", startsAt: NOW + HOUR }, code: "ENDED" },
] as const;
for (const { name, change, code } of REFUSALS) {
  test(`a sale that is ${name} refuses with ${code}, and gives its winners their own win`, async () => {
    const couponId = newCouponId();
    const ada = winner(couponId, "ada", 1);
    await loadSale(redis, couponId, 1, change, [ada]);
    const own = { code: "ALREADY_WON", slot: 1, requestId: ada.requestId } as const;
    const { results } = await scripts.claim(couponId, claimsOf(couponId, "bea", "ada", "cem", "ada"));
    expect(results).toEqual([{ code }, own, { code }, own]);
    expect((await scripts.claim(couponId, claimsOf(couponId, "ada"))).results).toEqual([own]);
    expect(codes(await scripts.claim(couponId, claimsOf(couponId, "bea", "cem")))).toEqual([code, code]);
    expect(await readSale(redis, couponId)).toMatchObject({ winners: 1, next: 1 });
  });
}

test("a claim that was granted before a rebuild is granted again after the end, and no other claim is", async () => {
  for (const change of [{ endsAt: NOW - 1 }, { startsAt: NOW + HOUR }]) {
    const couponId = await loadedSale(redis, { total: 2, ...change });
    const claims = claimsOf(couponId, "ada", "bea", "cem");
    expect(codes(await scripts.claim(couponId, claims))).not.toContain("ACCEPTED");
    expect(codes(await scripts.claim(couponId, claims, "again"))).toEqual(["ACCEPTED", "ACCEPTED", "SOLD_OUT"]);
    const { entries } = await readLedger(redis, couponId, { olderThanMs: 0, count: 10 });
    expect(entries.map(({ userId, pipeline }) => [userId, pipeline])).toEqual([
      [claims[0]!.userId, undefined],
      [claims[1]!.userId, undefined],
    ]);
  }
  for (const [state, code] of [
    ["PAUSED", "PAUSED"],
    ["CLOSED", "ENDED"],
  ] as const) {
    const couponId = await loadedSale(redis, { state });
    expect(codes(await scripts.claim(couponId, claimsOf(couponId, "ada"), "again"))).toEqual([code]);
  }
});

test("no user wins a queued sale without the log, in any state of the sale", async () => {
  const queued = await loadedSale(redis, { mode: "QUEUED" });
  expect(codes(await scripts.claim(queued, claimsOf(queued, "ada", "bea")))).toEqual(["QUEUED", "QUEUED"]);
  expect(await readSale(redis, queued)).toMatchObject({ winners: 0, next: 0 });
  const paused = await loadedSale(redis, { mode: "QUEUED", state: "PAUSED" });
  expect(codes(await scripts.claim(paused, claimsOf(paused, "ada")))).toEqual(["PAUSED"]);
});

test("the sale begins and ends by Redis' clock, to the millisecond", async () => {
  const startsAt = Date.now() + 4_000;
  const endsAt = startsAt + 3_000;
  const couponId = await loadedSale(redis, { total: 1_000_000, startsAt, endsAt });
  const story: string[] = [];
  const wins: number[] = [];
  for (let i = 0; story.at(-1) !== "ENDED"; i++) {
    const [result] = (await scripts.claim(couponId, [claimOf(couponId, `u${i}`)])).results;
    if (story.at(-1) !== result!.code) story.push(result!.code);
    if (result!.code === "ACCEPTED") wins.push(Number.parseInt(result!.ledgerId, 10));
  }
  expect(story).toEqual(["NOT_STARTED", "ACCEPTED", "ENDED"]);
  expect(Math.min(...wins)).toBeGreaterThanOrEqual(startsAt);
  expect(Math.max(...wins)).toBeLessThan(endsAt + 50); // an id is given after the check
});

test("a full Redis refuses with OVERLOADED and changes nothing, while winners are still answered", async () => {
  const couponId = await loadedSale(redis, { total: 5 });
  await scripts.claim(couponId, claimsOf(couponId, "ada"));
  const before = await readSale(redis, couponId);
  await redis.config("SET", "maxmemory", "1");
  try {
    const batch = await scripts.claim(couponId, claimsOf(couponId, "bea", "ada", "bea"));
    expect(codes(batch)).toEqual(["OVERLOADED", "ALREADY_WON", "OVERLOADED"]);
    expect(batch.left).toBe(4);
  } finally {
    await redis.config("SET", "maxmemory", "0");
  }
  expect(await readSale(redis, couponId)).toEqual(before);
  expect((await readLedger(redis, couponId, { olderThanMs: 0, count: 10 })).entries).toHaveLength(1);
  expect(codes(await scripts.claim(couponId, claimsOf(couponId, "bea")))).toEqual(["ACCEPTED"]);
});

test("a winner's value that was overwritten refuses only its own user, and marks the sale until it is rebuilt", async () => {
  const couponId = await loadedSale(redis, { total: 9 });
  const loading = createSaleLoading(redis);
  const [ann] = (await scripts.claim(couponId, claimsOf(couponId, "ann"))).results;
  for (const value of ["nonsense", "", "1", "1 a b", "x 1", "0 r", "1  r", " "]) {
    await redis.hset(saleKeys(couponId).winners, "ann", value);
    const batch = await scripts.claim(couponId, claimsOf(couponId, `bob ${value}`.replaceAll(" ", "."), "ann", "ann"));
    expect(codes(batch)).toEqual(["ACCEPTED", "NOT_LOADED", "NOT_LOADED"]);
    expect(batch).toMatchObject({ epoch: 1, state: "OPEN", total: 9 });
    const reason = { loaded: false, reason: "BROKEN", detail: "winners holds a value that is no win" };
    expect(await loading.health(couponId)).toMatchObject(reason);
  }
  expect(codes(await scripts.claim(couponId, claimsOf(couponId, "ann")))).toEqual(["NOT_LOADED"]);
  const { slot, requestId } = ann as { slot: number; requestId: RequestId };
  await loadSale(redis, couponId, 2, { total: 9 }, [{ userId: user("ann"), slot, requestId }]);
  expect(await loading.health(couponId)).toMatchObject({ loaded: true });
  const again = await scripts.claim(couponId, claimsOf(couponId, "ann"));
  expect(again.results).toEqual([{ code: "ALREADY_WON", slot, requestId }]);
});

test("what is no slot in the list of freed slots goes to no user and leaves the list; every real slot goes out once", async () => {
  const held = [1, 2, 3, 4, 5].map((slot) => winner(newCouponId(), `w${slot}`, slot));
  const couponId = await loadedSale(redis, { total: 5 }, held);
  const { freed } = saleKeys(couponId);
  for (const one of [held[1]!, held[3]!]) {
    expect(await scripts.release(couponId, { ...one, epoch: 1, reason: null })).toBe("RELEASED");
  }
  await redis.lpush(freed, "nonsense", "nonsense", "1.5", "0x3", "");
  await redis.rpush(freed, "6", "-1", "0", "nan");
  const first = await scripts.claim(couponId, claimsOf(couponId, "ann"));
  expect(first).toMatchObject({ left: 5, results: [{ code: "ACCEPTED", slot: 2 }] }); // those behind it were not met yet
  const rest = await scripts.claim(couponId, claimsOf(couponId, "bob", "cem", "dan", "eve"));
  expect(codes(rest)).toEqual(["ACCEPTED", "SOLD_OUT", "SOLD_OUT", "SOLD_OUT"]);
  expect(rest).toMatchObject({ left: 0, results: [{ slot: 4 }, {}, {}, {}] });
  expect(await readSale(redis, couponId)).toMatchObject({ next: 5, freed: 0, left: 0, winners: 5 });
});

test("a batch of more than one script call is decided in order too", async () => {
  const couponId = await loadedSale(redis, { total: 2_100 });
  const names = Array.from({ length: 2_500 }, (_, i) => `u${i}`);
  const batch = await scripts.claim(couponId, claimsOf(couponId, ...names));
  const slots = batch.results.flatMap((one) => (one.code === "ACCEPTED" ? [one.slot] : []));
  expect(slots).toEqual(Array.from({ length: 2_100 }, (_, i) => i + 1));
  expect(batch.results.slice(2_100).every(({ code }) => code === "SOLD_OUT")).toBe(true);
  expect((await scripts.claim(couponId, [])).results).toEqual([]);
});

test("the last slot is announced once, with the version that the batch carries", async () => {
  const couponId = await loadedSale(redis, { total: 2 });
  const subscriber = createSubscriber(server.url, UNHURRIED);
  await whenReady(subscriber, 60_000);
  const heard: unknown[] = [];
  subscriber.on("message", (_, text: string) => heard.push(parseAnnouncement(text)));
  await subscriber.subscribe("sales");
  const first = await scripts.claim(couponId, claimsOf(couponId, "ada"));
  const last = await scripts.claim(couponId, claimsOf(couponId, "bea", "cem"));
  await scripts.claim(couponId, claimsOf(couponId, "dan"));
  await until("it is heard", () => heard.length > 0);
  await Bun.sleep(50);
  subscriber.disconnect();
  expect(last.version).toBe(first.version + 1);
  expect(heard).toEqual([{ couponId, epoch: 1, version: last.version, state: "OPEN", soldOut: true }]);
});

test("every code that a claim can get was seen in this file", () => {
  expect([...seen].sort()).toEqual([...CLAIM_CODES].sort());
});
