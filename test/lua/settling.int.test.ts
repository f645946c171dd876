import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { CouponId } from "../../contracts/wire/ids.ts";
import { saleKeys } from "../../lua/keys.ts";
import { ledgerLength, readLedger } from "../../lua/ledger.ts";
import { LedgerAges } from "../../lua/ledger-ages.ts";
import type { RedisConnection } from "../../lua/redis.ts";
import { createSaleLoading } from "../../lua/sale-loading.ts";
import { readSale, statusOf, winnerOf } from "../../lua/sale-reading.ts";
import { createSaleScripts, type SaleScripts, STATUS_TTL_S } from "../../lua/sale-scripts.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { claimOf, claimsOf, connected, loadedSale, terms, user } from "./sale.ts";

setDefaultTimeout(180_000);

let server: RedisServer;
let redis: RedisConnection;
let scripts: SaleScripts;

beforeAll(async () => {
  server = await startRedis();
  redis = await connected(server.url);
  scripts = createSaleScripts(redis);
});
afterAll(async () => {
  redis?.disconnect();
  await server?.remove();
});

/** A claim that won. */
async function win(couponId: CouponId, name: string) {
  const claim = claimOf(couponId, name);
  const batch = await scripts.claim(couponId, [claim]);
  const [result] = batch.results;
  if (result?.code !== "ACCEPTED") throw new Error(`no win: ${result?.code}`);
  return { ...claim, slot: result.slot, ledgerId: result.ledgerId, epoch: batch.epoch, version: batch.version };
}

test("a released slot goes out again before a fresh one, and the sale is no longer sold out", async () => {
  const couponId = await loadedSale(redis, { total: 3 });
  const ada = await win(couponId, "ada");
  await win(couponId, "bea");
  expect(await scripts.release(couponId, { ...ada, reason: "INTERNAL" })).toBe("RELEASED");
  expect(await readSale(redis, couponId)).toMatchObject({ freed: 1, left: 2, winners: 1, version: ada.version + 1 });
  expect((await win(couponId, "cem")).slot).toBe(1);
  expect((await win(couponId, "dan")).slot).toBe(3);
  expect(await readSale(redis, couponId)).toMatchObject({ freed: 0, left: 0, winners: 3 });
});

test("a second release finds nothing, so no slot is freed twice", async () => {
  const couponId = await loadedSale(redis, { total: 3 });
  const ada = await win(couponId, "ada");
  expect(await scripts.release(couponId, { ...ada, reason: "INTERNAL" })).toBe("RELEASED");
  expect(await scripts.release(couponId, { ...ada, reason: "INTERNAL" })).toBe("NOT_HELD");
  expect(await redis.lrange(saleKeys(couponId).freed, 0, -1)).toEqual(["1"]);
});

test("a release of a request that is not the winner's own changes no slot", async () => {
  const couponId = await loadedSale(redis, { total: 3 });
  const ada = await win(couponId, "ada");
  const other = claimOf(couponId, "ada");
  expect(await scripts.release(couponId, { ...other, epoch: 1, reason: "INTERNAL" })).toBe("NOT_HELD");
  expect(await scripts.release(couponId, { ...ada, epoch: 2, reason: "INTERNAL" })).toBe("STALE_EPOCH");
  expect(await winnerOf(redis, couponId, user("ada"))).toEqual({ slot: 1, requestId: ada.requestId });
  expect(await readSale(redis, couponId)).toMatchObject({ freed: 0, winners: 1, version: ada.version });
});

test("a release leaves FAILED and takes the ledger entry along, even if nothing was held any more", async () => {
  const couponId = await loadedSale(redis, { total: 3 });
  const ada = await win(couponId, "ada");
  const bea = await win(couponId, "bea");
  await scripts.release(couponId, { ...ada, reason: "SLOT_BEYOND_TOTAL" });
  expect(await statusOf(redis, couponId, ada.requestId, ada.userId)).toEqual({
    status: { status: "FAILED", reason: "SLOT_BEYOND_TOTAL" },
    winner: null,
    saleState: "OPEN",
    mode: "DIRECT",
    rebuiltAt: 0,
  });
  expect(await ledgerLength(redis, couponId)).toBe(1);
  // The entry of another claim is never taken for this one's.
  await scripts.release(couponId, {
    ...claimOf(couponId, "cem"),
    epoch: 1,
    reason: "INTERNAL",
    ledgerId: bea.ledgerId,
  });
  expect(await ledgerLength(redis, couponId)).toBe(1);
  await scripts.release(couponId, { ...bea, epoch: 9, reason: "INTERNAL" });
  expect(await ledgerLength(redis, couponId)).toBe(0);
});

test("a discarded slot is never handed out, and its user can claim again", async () => {
  const couponId = await loadedSale(redis, { total: 2 });
  const ada = await win(couponId, "ada");
  expect(await scripts.release(couponId, { ...ada, reason: null, discardSlot: true })).toBe("RELEASED");
  expect((await statusOf(redis, couponId, ada.requestId, ada.userId)).status).toBeNull();
  const again = await scripts.claim(couponId, [ada, claimOf(couponId, "bea")]);
  expect(again.results).toMatchObject([{ code: "ACCEPTED", slot: 2, requestId: ada.requestId }, { code: "SOLD_OUT" }]);
});

test("acknowledged claims leave the ledger and are ISSUED for thirty days; once more does no harm", async () => {
  const couponId = await loadedSale(redis, { total: 1_200 });
  const claims = claimsOf(couponId, ...Array.from({ length: 1_200 }, (_, i) => `u${i}`));
  const { results } = await scripts.claim(couponId, claims);
  const entries = results.map(
    (one) => one as { requestId: (typeof claims)[0]["requestId"]; slot: number; ledgerId: string },
  );
  expect(await scripts.acknowledge(couponId, entries.slice(1))).toMatchObject({ code: "ACKNOWLEDGED" });
  expect(await scripts.acknowledge(couponId, entries.slice(1))).toMatchObject({ code: "ACKNOWLEDGED" });
  expect(await scripts.acknowledge(couponId, [])).toMatchObject({ code: "ACKNOWLEDGED" });
  const left = await readLedger(redis, couponId, { olderThanMs: 0, count: 10 });
  expect(left.entries.map(({ requestId }) => requestId)).toEqual([entries[0]!.requestId]);
  for (const at of [1, 500, 501, 1_199]) {
    const { requestId, slot } = entries[at]!;
    const { status } = await statusOf(redis, couponId, requestId, claims[at]!.userId);
    expect(status).toEqual({ status: "ISSUED", slot });
  }
  expect((await statusOf(redis, couponId, entries[0]!.requestId, user("u0"))).status).toBeNull();
  expect(await redis.ttl(saleKeys(couponId).status)).toBeGreaterThan(STATUS_TTL_S - 60);
});

test("FAILED is final: a claim that was revoked while it was being announced keeps its word and its entry", async () => {
  const couponId = await loadedSale(redis, { total: 3 });
  const [ada, bea] = [await win(couponId, "ada"), await win(couponId, "bea")];
  const { ledgerId: _, ...revoked } = ada;
  await scripts.release(couponId, { ...revoked, reason: "REVOKED" });
  const { code, failed } = await scripts.acknowledge(couponId, [ada, bea]);
  expect({ code, failed: [...failed] }).toEqual({ code: "ACKNOWLEDGED", failed: [[ada.requestId, "REVOKED"]] });
  const statuses = await redis.hgetall(saleKeys(couponId).status);
  expect(statuses).toEqual({ [ada.requestId]: "FAILED REVOKED", [bea.requestId]: `ISSUED ${bea.slot}` });
  const { entries } = await readLedger(redis, couponId, { olderThanMs: 0, count: 10 });
  expect(entries.map(({ requestId }) => requestId)).toEqual([ada.requestId]);
});

test("the older claim of the database becomes the winner; the newer slot is freed only on request", async () => {
  const couponId = await loadedSale(redis, { total: 9 });
  const older = claimOf(couponId, "ada");
  const newer = await win(couponId, "ada");
  const replacement = { ...newer, keptRequestId: older.requestId, keptSlot: 7, freeSlot: true };
  expect(await scripts.replaceWinner(couponId, replacement)).toBe("CHANGED");
  expect(await winnerOf(redis, couponId, user("ada"))).toEqual({ slot: 7, requestId: older.requestId });
  expect(await redis.lrange(saleKeys(couponId).freed, 0, -1)).toEqual(["1"]);
  expect(await scripts.replaceWinner(couponId, replacement)).toBe("NOT_HELD");
  expect(await redis.llen(saleKeys(couponId).freed)).toBe(1);

  const bea = await win(couponId, "bea");
  const kept = { ...bea, keptRequestId: claimOf(couponId, "bea").requestId, keptSlot: 8, freeSlot: false };
  expect(await scripts.replaceWinner(couponId, kept)).toBe("CHANGED");
  expect(await redis.llen(saleKeys(couponId).freed)).toBe(0);
});

test("a kept slot that waited to be handed out again is taken off the list", async () => {
  const couponId = await loadedSale(redis, { total: 3 });
  const ada = await win(couponId, "ada");
  await scripts.release(couponId, { ...ada, reason: null });
  const bea = await win(couponId, "bea"); // takes slot 1 again
  const cem = await win(couponId, "cem");
  await scripts.release(couponId, { ...bea, reason: null });
  await scripts.replaceWinner(couponId, {
    ...cem,
    keptRequestId: claimOf(couponId, "cem").requestId,
    keptSlot: 1,
    freeSlot: true,
  });
  expect(await redis.lrange(saleKeys(couponId).freed, 0, -1)).toEqual(["2"]);
});

test("a state is set once; the window moves with it, and gates are told by a new version", async () => {
  const couponId = await loadedSale(redis, { total: 3 });
  const before = (await readSale(redis, couponId))!;
  expect(await scripts.setState(couponId, "PAUSED")).toBe("CHANGED");
  expect(await scripts.setState(couponId, "PAUSED")).toBe("UNCHANGED");
  expect(await readSale(redis, couponId)).toEqual({ ...before, state: "PAUSED", version: before.version + 1 });
  expect(await scripts.setState(couponId, "OPEN", { startsAt: 5, endsAt: 6 })).toBe("CHANGED");
  expect(await scripts.setState(couponId, "OPEN", { startsAt: 5, endsAt: 6 })).toBe("UNCHANGED");
  expect(await readSale(redis, couponId)).toMatchObject({ state: "OPEN", startsAt: 5, endsAt: 6 });
});

test("nothing is settled while a sale is fenced", async () => {
  const couponId = await loadedSale(redis, { total: 3 });
  const ada = await win(couponId, "ada");
  await createSaleLoading(redis).fence(couponId, 2);
  expect(await scripts.release(couponId, { ...ada, reason: "INTERNAL" })).toBe("NOT_LOADED");
  expect(await scripts.acknowledge(couponId, [ada])).toMatchObject({ code: "NOT_LOADED" });
  expect(await scripts.setState(couponId, "PAUSED")).toBe("NOT_LOADED");
  const replacement = { ...ada, keptRequestId: claimOf(couponId, "ada").requestId, keptSlot: 3, freeSlot: true };
  expect(await scripts.replaceWinner(couponId, replacement)).toBe("NOT_LOADED");
  expect(await readSale(redis, couponId)).toMatchObject({ state: "RECOVERING", winners: 1, freed: 0 });
  expect(await ledgerLength(redis, couponId)).toBe(1);
});

test("what frees, stops or settles works while Redis is full", async () => {
  const couponId = await loadedSale(redis, { total: 9 });
  const [ada, bea, cem] = [await win(couponId, "ada"), await win(couponId, "bea"), await win(couponId, "cem")];
  await redis.config("SET", "maxmemory", "1");
  try {
    expect(await scripts.release(couponId, { ...ada, reason: "INTERNAL" })).toBe("RELEASED");
    expect(await scripts.acknowledge(couponId, [bea])).toMatchObject({ code: "ACKNOWLEDGED" });
    const replacement = { ...cem, keptRequestId: claimOf(couponId, "cem").requestId, keptSlot: 8, freeSlot: true };
    expect(await scripts.replaceWinner(couponId, replacement)).toBe("CHANGED");
    expect(await scripts.setState(couponId, "PAUSED")).toBe("CHANGED");
    expect(await createSaleLoading(redis).fence(couponId, 2)).toBe("CHANGED");
  } finally {
    await redis.config("SET", "maxmemory", "0");
  }
});

test("the ledger is read by age and in pages, and what is no claim is named and kept", async () => {
  const couponId = await loadedSale(redis, { total: 9 });
  const ada = await win(couponId, "ada");
  const odd = await redis.xadd(saleKeys(couponId).ledger, "*", "u", "ada", "r", "nonsense", "s", "1", "e", "1");
  await Bun.sleep(3_100);
  const bea = await win(couponId, "bea");
  const old = await readLedger(redis, couponId, { olderThanMs: 3_000, count: 10 });
  expect(old).toMatchObject({
    entries: [{ requestId: ada.requestId, epoch: 1, slot: 1 }],
    malformed: [odd!],
    next: null,
  });
  const page = await readLedger(redis, couponId, { olderThanMs: 0, count: 2 });
  expect(page.next).toBe(odd);
  const rest = await readLedger(redis, couponId, { olderThanMs: 0, count: 2, after: page.next! });
  expect(rest.entries.map(({ requestId }) => requestId)).toEqual([bea.requestId]);
});

test("entries from the future of Redis' clock are read by who wants all, and are old once they were seen for long enough", async () => {
  const couponId = await loadedSale(redis, { total: 9 });
  const ada = await win(couponId, "ada");
  // As after Redis' clock was set back by an hour: a stream's ids only grow, so the next claim lies in the future too.
  const { ledger } = saleKeys(couponId);
  const [[, fields]] = (await redis.xrange(ledger, "-", "+")) as [[string, string[]]];
  await redis.xdel(ledger, ada.ledgerId);
  await redis.xadd(ledger, `${Date.now() + 3_600_000}-0`, ...fields);
  const bea = await win(couponId, "bea");
  const both = [ada.requestId, bea.requestId];
  const ages = new LedgerAges();
  const read = async (olderThanMs: number) =>
    (await readLedger(redis, couponId, { olderThanMs, count: 10 }, ages)).entries.map(({ requestId }) => requestId);
  expect(await read(0)).toEqual(both); // a recovery that missed them would give their slots to others
  expect(await read(500)).toEqual([]);
  await Bun.sleep(600);
  expect(await read(500)).toEqual(both);
});

test("an acknowledgement removes its own claim's entry only: in a rebuilt sale another claim may have the same ledger id", async () => {
  const couponId = await loadedSale(redis, { total: 3 });
  const ada = await win(couponId, "ada");
  const loading = createSaleLoading(redis);
  await loading.fence(couponId, 2);
  await loading.load(couponId, terms({ total: 3 }), 2, []);
  const bea = await win(couponId, "bea");
  // The Redis that forgot ada gave her id to bea.
  expect(await scripts.acknowledge(couponId, [{ ...ada, ledgerId: bea.ledgerId }])).toMatchObject({
    code: "ACKNOWLEDGED",
  });
  const { entries } = await readLedger(redis, couponId, { olderThanMs: 0, count: 10 });
  expect(entries.map(({ userId }) => userId as string)).toEqual(["ada", "bea"]);
  expect(await statusOf(redis, couponId, ada.requestId, user("ada"))).toMatchObject({ status: { status: "ISSUED" } });
  await scripts.acknowledge(couponId, [ada, bea]);
  expect(await ledgerLength(redis, couponId)).toBe(0);
});
