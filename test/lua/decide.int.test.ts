import { afterAll, beforeAll, expect, test } from "bun:test";
import fc from "fast-check";
import { type CouponId, newCouponId } from "../../contracts/wire/ids.ts";
import type { ClaimRequest } from "../../lua/claim-batch.ts";
import type { DecideBatch, LoggedRequest } from "../../lua/decide-batch.ts";
import { saleKeys } from "../../lua/keys.ts";
import { readLedger } from "../../lua/ledger.ts";
import { noteAsking, notePending } from "../../lua/pending-requests.ts";
import { createSubscriber, type RedisConnection, whenReady } from "../../lua/redis.ts";
import { createSaleLoading, type SaleTerms } from "../../lua/sale-loading.ts";
import { readSale, statusOf } from "../../lua/sale-reading.ts";
import { createSaleScripts, parseAnnouncement, type SaleScripts } from "../../lua/sale-scripts.ts";
import { propertyRuns } from "../support/property-runs.ts";
import { type RedisServer, startRedis, UNHURRIED } from "../support/redis.ts";
import { until } from "../support/until.ts";
import { claimOf, connected, HOUR, loadedSale, loadSale, user, winner } from "./sale.ts";

let server: RedisServer;
let redis: RedisConnection;
let scripts: SaleScripts;
beforeAll(async () => {
  server = await startRedis();
  redis = await connected(server.url);
  scripts = createSaleScripts(redis);
}, 180_000);
afterAll(async () => {
  redis?.disconnect();
  await server?.remove();
});

const queued = (change: Partial<SaleTerms> = {}) => loadedSale(redis, { mode: "QUEUED", ...change });
const asked = (couponId: CouponId, name: string, loggedAt: number | null = Date.now()): LoggedRequest => ({
  ...claimOf(couponId, name),
  loggedAt,
});
/** Slot, reason, or why it waits; a second request of a winner as `=slot`. */
const words = ({ decided }: DecideBatch) =>
  decided.map((one) => {
    if (one.kind === "granted") return one.slot;
    if (one.kind === "won") return `=${one.slot}`;
    return one.kind === "refused" ? one.reason : one.why;
  });

test("requests are decided in the order given: first come, one each, a winner's second is no failure", async () => {
  const couponId = await queued({ total: 2 });
  const requests = ["ada", "ada", "bea", "cem", "bea"].map((name) => asked(couponId, name));
  const batch = await scripts.decide(couponId, requests);
  expect(words(batch)).toEqual([1, "=1", 2, "SOLD_OUT", "=2"]);
  expect(batch.decided[1]).toMatchObject({ requestId: requests[0]!.requestId });
  expect(await readSale(redis, couponId)).toMatchObject({ winners: 2, next: 2, left: 0 });
  const { entries } = await readLedger(redis, couponId, { olderThanMs: 0, count: 10 });
  expect(entries.map(({ requestId, slot }) => [requestId, slot])).toEqual([
    [requests[0]!.requestId, 1],
    [requests[2]!.requestId, 2],
  ]);
});

test("a redelivery gets the same answers, although a slot came back meanwhile", async () => {
  const couponId = await queued({ total: 1 });
  const requests = ["ada", "bea"].map((name) => asked(couponId, name));
  expect(words(await scripts.decide(couponId, requests))).toEqual([1, "SOLD_OUT"]);
  expect(words(await scripts.decide(couponId, requests))).toEqual(["=1", "SOLD_OUT"]);
  await scripts.release(couponId, { ...(requests[0] as ClaimRequest), epoch: 1, reason: "REVOKED" });
  expect(words(await scripts.decide(couponId, requests))).toEqual(["REVOKED", "SOLD_OUT"]);
  // The slot is for later requests; asking again is another request.
  expect(words(await scripts.decide(couponId, [asked(couponId, "bea")]))).toEqual([1]);
});

const NOW = Date.now();
const WINDOW = { startsAt: NOW - HOUR, endsAt: NOW + HOUR };
const TABLE = [
  { name: "logged before the start", change: WINDOW, at: WINDOW.startsAt - 1, word: "NOT_STARTED" },
  { name: "logged at the start", change: WINDOW, at: WINDOW.startsAt, word: 1 },
  { name: "logged in the last millisecond", change: WINDOW, at: WINDOW.endsAt - 1, word: 1 },
  { name: "logged at the end", change: WINDOW, at: WINDOW.endsAt, word: "ENDED" },
  { name: "logged in time and decided after the end", change: { endsAt: NOW - 1 }, at: NOW - 2, word: 1 },
  { name: "of a sale that an operator closed", change: { state: "CLOSED" }, at: NOW, word: "ENDED" },
  { name: "of a paused sale", change: { state: "PAUSED" }, at: NOW, word: "PAUSED" },
  { name: "judged before", change: { endsAt: NOW - 1 }, at: null, word: 1 },
] as const;
for (const { name, change, at, word } of TABLE) {
  test(`a request ${name}: ${word}`, async () => {
    const couponId = await queued(change);
    const request = asked(couponId, "ada", at);
    expect(words(await scripts.decide(couponId, [request]))).toEqual([word]);
    const { status } = await statusOf(redis, couponId, request.requestId, request.userId);
    const refused = word === "NOT_STARTED" || word === "ENDED";
    expect(status).toEqual(refused ? { status: "FAILED", reason: word, userId: user("ada") } : null);
  });
}

test("a fenced sale and an unknown one decide nothing", async () => {
  const couponId = await queued();
  await createSaleLoading(redis).fence(couponId, 2);
  expect(words(await scripts.decide(couponId, [asked(couponId, "ada"), asked(couponId, "bea")]))).toEqual([
    "NOT_LOADED",
    "NOT_LOADED",
  ]);
  const unknown = "000000000000" as CouponId;
  expect(await scripts.decide(unknown, [asked(unknown, "ada")])).toMatchObject({ epoch: 0, state: "RECOVERING" });
});

test("after a rebuild the same log gives the same winners", async () => {
  const couponId = await queued({ total: 3 });
  const requests = ["ada", "bea", "cem", "dan"].map((name) => asked(couponId, name));
  await scripts.decide(couponId, requests);
  await redis.flushall();
  const ada = { ...winner(couponId, "ada", 1), requestId: requests[0]!.requestId };
  await loadSale(redis, couponId, 2, { total: 3, mode: "QUEUED" }, [ada]); // all that PostgreSQL had
  expect(words(await scripts.decide(couponId, requests))).toEqual(["=1", 2, 3, "SOLD_OUT"]);
});

test("a full Redis decides no request behind the first that it has no room for", async () => {
  const couponId = await queued({ total: 2 });
  const ada = asked(couponId, "ada");
  await scripts.decide(couponId, [ada]);
  await redis.config("SET", "maxmemory", "1");
  try {
    const batch = await scripts.decide(couponId, [ada, asked(couponId, "bea"), asked(couponId, "ada")]);
    expect(words(batch)).toEqual(["=1", "OVERLOADED", "OVERLOADED"]);
  } finally {
    await redis.config("SET", "maxmemory", "0");
  }
  expect(await readSale(redis, couponId)).toMatchObject({ winners: 1, left: 1 });
});

test("after a winner's value was overwritten, that user and all behind them wait; the sale is marked", async () => {
  const couponId = await queued({ total: 9 });
  const { winners } = saleKeys(couponId);
  const loading = createSaleLoading(redis);
  const requests = ["ada", "bea", "cem"].map((name) => asked(couponId, name));
  await redis.hset(winners, "bea", "nonsense");
  expect(words(await scripts.decide(couponId, requests))).toEqual([1, "OVERLOADED", "OVERLOADED"]);
  expect(await loading.health(couponId)).toMatchObject({ loaded: false, reason: "BROKEN" });
  await loadSale(redis, couponId, 2, { mode: "QUEUED", total: 9 }, [winner(couponId, "ada", 1)]);
  expect(words(await scripts.decide(couponId, requests))).toEqual(["=1", 2, 3]);

  await redis.hset(winners, "bea", "nonsense");
  await expect(asking(couponId, claimOf(couponId, "bea"))).rejects.toMatchObject({ code: "SALE_RECOVERING" });
  expect(await loading.health(couponId)).toMatchObject({ loaded: false, reason: "BROKEN" });
  await redis.del(saleKeys(couponId).sale);
  await expect(asking(couponId, claimOf(couponId, "bea"))).rejects.toMatchObject({ code: "SALE_RECOVERING" });
  expect(await redis.exists(saleKeys(couponId).sale)).toBe(0);
});

test("what is no slot in the list of freed slots goes to no user", async () => {
  const couponId = await loadedSale(redis, { mode: "QUEUED", total: 2 }, [
    winner(newCouponId(), "ada", 1),
    winner(newCouponId(), "bea", 2),
  ]);
  await redis.rpush(saleKeys(couponId).freed, "nonsense", "7");
  expect(words(await scripts.decide(couponId, [asked(couponId, "cem")]))).toEqual(["SOLD_OUT"]);
  expect(await readSale(redis, couponId)).toMatchObject({ next: 2, freed: 0, left: 0, winners: 2 });
});

test("the last slot is announced to the gates", async () => {
  const couponId = await queued({ total: 1 });
  const subscriber = createSubscriber(server.url, UNHURRIED);
  await whenReady(subscriber, 60_000);
  const heard: unknown[] = [];
  subscriber.on("message", (_, text: string) => heard.push(parseAnnouncement(text)));
  await subscriber.subscribe("sales");
  await scripts.decide(couponId, [asked(couponId, "ada"), asked(couponId, "bea")]);
  await until("it is heard", () => heard.length > 0);
  await Bun.sleep(50);
  subscriber.disconnect();
  expect(heard).toMatchObject([{ couponId, epoch: 1, state: "OPEN", soldOut: true }]);
});

test("a note that a request is pending never covers what was decided", async () => {
  const couponId = await queued({ total: 1 });
  const [ada, bea] = [asked(couponId, "ada"), asked(couponId, "bea")];
  await notePending(redis, couponId, bea.requestId, bea.userId);
  expect((await statusOf(redis, couponId, bea.requestId, bea.userId)).status).toEqual({
    status: "PENDING",
    userId: bea.userId,
  });
  await scripts.decide(couponId, [ada, bea]);
  await notePending(redis, couponId, bea.requestId, bea.userId);
  expect((await statusOf(redis, couponId, bea.requestId, bea.userId)).status).toMatchObject({ status: "FAILED" });
  expect(await redis.ttl(saleKeys(couponId).status)).toBeGreaterThan(1_000);
});

const DAY = 24 * HOUR;
const asking = (couponId: CouponId, { userId, requestId }: ClaimRequest, mayAsk = true) =>
  noteAsking(redis, couponId, requestId, userId, mayAsk);

test("a user has one undecided request: a repeat gets it, logged or not, until it is decided", async () => {
  const couponId = await queued({ total: 1 });
  const [first, second, bea] = [asked(couponId, "ada"), asked(couponId, "ada"), asked(couponId, "bea")];
  expect(await asking(couponId, first, false)).toEqual({ kind: "none" });
  expect(await asking(couponId, first)).toEqual({ kind: "noted" });
  const before = { kind: "asked", requestId: first.requestId } as const;
  expect(await asking(couponId, second)).toEqual({ ...before, isLogged: false });
  await notePending(redis, couponId, first.requestId, first.userId);
  expect(await asking(couponId, second)).toEqual({ ...before, isLogged: true });
  expect(await asking(couponId, second, false)).toEqual({ ...before, isLogged: true });
  expect(await asking(couponId, bea)).toEqual({ kind: "noted" });
  expect(await redis.ttl(saleKeys(couponId).asked)).toBeGreaterThan(1_000);

  expect(words(await scripts.decide(couponId, [first, bea]))).toEqual([1, "SOLD_OUT"]);
  expect(await redis.exists(saleKeys(couponId).asked)).toBe(0);
  expect(await asking(couponId, second)).toEqual({ kind: "won", winner: { slot: 1, requestId: first.requestId } });
  // Who was refused may ask anew, and what comes late about the request of before changes nothing.
  await notePending(redis, couponId, bea.requestId, bea.userId);
  await notePending(redis, couponId, first.requestId, first.userId);
  expect(await asking(couponId, asked(couponId, "bea"))).toEqual({ kind: "noted" });
});

test("a note that is no request of the sale is none", async () => {
  const couponId = await queued();
  const ada = asked(couponId, "ada");
  const { requestId } = ada;
  const elsewhere = claimOf(newCouponId(), "ada").requestId;
  const junk = [
    "junk",
    "",
    `${requestId}x`,
    requestId.slice(0, -1),
    `${requestId.slice(0, -1)}-`,
    elsewhere,
    "junk 123",
  ];
  for (const note of junk) {
    await redis.hset(saleKeys(couponId).asked, "ada", note);
    expect(await asking(couponId, ada, false)).toEqual({ kind: "none" });
    expect(await asking(couponId, ada)).toEqual({ kind: "noted" });
    expect(await redis.hget(saleKeys(couponId).asked, "ada")).toBe(requestId);
  }
});

test("a request that waits for a day, or since before a rebuild, is logged once more when its user asks", async () => {
  const couponId = await queued();
  const [ada, again] = [asked(couponId, "ada"), asked(couponId, "ada")];
  await notePending(redis, couponId, ada.requestId, ada.userId);
  expect(await asking(couponId, again)).toMatchObject({ requestId: ada.requestId, isLogged: true });
  await redis.hset(saleKeys(couponId).asked, "ada", `${ada.requestId} ${Date.now() - DAY - 1_000}`);
  expect(await asking(couponId, again)).toMatchObject({ requestId: ada.requestId, isLogged: false });
  await notePending(redis, couponId, ada.requestId, ada.userId);
  await loadSale(redis, couponId, 2, { mode: "QUEUED" });
  expect(await asking(couponId, again)).toMatchObject({ requestId: ada.requestId, isLogged: false });
  await Bun.sleep(5);
  await notePending(redis, couponId, ada.requestId, ada.userId);
  expect(await asking(couponId, again)).toMatchObject({ requestId: ada.requestId, isLogged: true });
});

test("a decider that does not know the notes leaves them, and a user who was refused may ask anew all the same", async () => {
  const couponId = await queued({ total: 1 });
  const [ada, bea, again] = [asked(couponId, "ada"), asked(couponId, "bea"), asked(couponId, "bea")];
  await asking(couponId, bea);
  const { sale, winners, freed, ledger, status } = saleKeys(couponId);
  const sha = (await redis.hget(sale, "shaDecide"))!;
  const words = [ada, bea].flatMap(({ userId, requestId, loggedAt }) => [userId, requestId, String(loggedAt)]);
  const reply = await redis.evalsha(sha, 5, sale, winners, freed, ledger, status, "60", ...words);
  expect(String(reply).split(" ").slice(3, 4)).toEqual(["ACCEPTED"]);
  expect(await redis.hexists(saleKeys(couponId).asked, "bea")).toBe(1);
  expect(await asking(couponId, again)).toEqual({ kind: "noted" });
});

const log = fc.array(fc.constantFrom("ada", "bea", "cem", "dan", "eve", "fay", "gus", "hal"), { maxLength: 30 });
const cuts = fc.array(fc.record({ upTo: fc.nat(30), again: fc.nat(10) }), { maxLength: 6 });

test("however a log is cut into batches and repeated, its first distinct users win, in order", async () => {
  const run = fc.asyncProperty(fc.integer({ min: 1, max: 6 }), log, cuts, async (total, names, pieces) => {
    const couponId = await queued({ total });
    const requests = names.map((name) => asked(couponId, name));
    let at = 0;
    for (const { upTo, again } of [...pieces.sort((a, b) => a.upTo - b.upTo), { upTo: 30, again: 0 }]) {
      const batch = requests.slice(Math.max(0, at - again), upTo);
      if (batch.length > 0) await scripts.decide(couponId, batch);
      at = Math.max(at, upTo);
    }
    const first = [...new Set(names)].slice(0, total);
    const held = await redis.hgetall(saleKeys(couponId).winners);
    const expected = first.map((name, i) => {
      const { requestId } = requests[names.indexOf(name)]!;
      return [name, `${i + 1} ${requestId}`];
    });
    expect(held).toEqual(Object.fromEntries(expected));
  });
  await fc.assert(run, { numRuns: propertyRuns(200) });
}, 180_000);
