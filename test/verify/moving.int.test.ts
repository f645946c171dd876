import { afterAll, beforeAll, expect, test } from "bun:test";
import { newRequestId, type UserId } from "../../contracts/wire/ids.ts";
import { insertClaims, insertTombstones } from "../../db/claims/insert.ts";
import { createSaleScripts } from "../../lua/sale-scripts.ts";
import { verify } from "../support/verify.ts";
import { createHealthySale, type SaleClaim } from "./healthy-sale.ts";
import { type VerifyServices, verifyServices } from "./services.ts";

let services: VerifyServices;
beforeAll(async () => {
  services = await verifyServices();
}, 180_000);
afterAll(() => services?.close());

/** Claims in batches; each is persisted a little later, one in ten is given up instead; until `stop` fires. */
async function sell(couponId: SaleClaim["couponId"], stop: AbortSignal): Promise<number> {
  const { redis, database } = services;
  const scripts = createSaleScripts(redis);
  const settling: Promise<unknown>[] = [];
  let users = 0;
  const settle = async (claims: SaleClaim[]) => {
    await Bun.sleep(Math.random() * 30);
    const givenUp = claims.filter((_, i) => i % 10 === 0);
    const kept = claims.filter((_, i) => i % 10 !== 0).sort((a, b) => (a.requestId < b.requestId ? -1 : 1));
    await insertClaims(database.sql, kept);
    await scripts.acknowledge(couponId, kept);
    await insertTombstones(
      database.sql,
      givenUp.map((claim) => ({ ...claim, reason: "REVOKED" })),
    );
    for (const claim of givenUp) await scripts.release(couponId, { ...claim, reason: "REVOKED" });
  };
  while (!stop.aborted) {
    const asked = Array.from({ length: 50 }, () => ({
      couponId,
      userId: `mover-${users++}` as UserId,
      requestId: newRequestId(couponId, Date.now()),
    }));
    const { results, epoch } = await scripts.claim(couponId, asked);
    const claims: SaleClaim[] = [];
    results.forEach((result, i) => {
      if (result.code === "ACCEPTED")
        claims.push({ ...asked[i]!, epoch, slot: result.slot, ledgerId: result.ledgerId });
    });
    settling.push(settle(claims));
    await Bun.sleep(2);
  }
  await Promise.all(settling);
  return users;
}

test("a sale that moves while it is checked is not accused of anything", async () => {
  const { redis, database, env, readers } = services;
  const sale = await createHealthySale(redis, database.sql, { total: 1_000_000 });
  const stop = new AbortController();
  const selling = sell(sale.couponId, stop.signal);
  let looks = 0;
  const accused: unknown[] = [];
  for (const end = Date.now() + 4_000; Date.now() < end || looks < 4; looks++) {
    const options = { couponId: sale.couponId, recheckMs: 100, patienceMs: 0, consumersUp: false, readers };
    const { checks } = await verify(env, options);
    accused.push(...checks.filter((check) => !check.ok));
  }
  stop.abort();
  expect(await selling).toBeGreaterThan(1000);
  expect(accused).toEqual([]);
}, 180_000);

test("a sale of 40,000 that PostgreSQL has no statistics of yet is checked in seconds, not in the square of its size", async () => {
  const { redis, database, env, readers } = services;
  const { sql } = database;
  await sql`ALTER TABLE user_coupons SET (autovacuum_enabled = off)`;
  for (let i = 0; i < 3; i++) await createHealthySale(redis, sql, { count: 2_000, soldOut: true });
  await sql`ANALYZE user_coupons`;
  const sale = await createHealthySale(redis, sql, { count: 40_000, soldOut: true });
  const begun = performance.now();
  const report = await verify(env, {
    couponId: sale.couponId,
    recheckMs: 20,
    patienceMs: 0,
    consumersUp: false,
    readers,
  });
  expect(report.checks.filter((check) => !check.ok)).toEqual([]);
  // About a second with hash joins; more than a minute with the nested loop that old statistics ask for.
  expect(performance.now() - begun).toBeLessThan(20_000);
}, 180_000);
