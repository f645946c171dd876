import { afterAll, beforeAll, expect, test } from "bun:test";
import { newRequestId } from "../../contracts/wire/ids.ts";
import { insertRefusals } from "../../db/claims/refusals.ts";
import { findCheck } from "../../verify/verify.ts";
import { verify } from "../support/verify.ts";
import { createHealthySale } from "./healthy-sale.ts";
import { type VerifyServices, verifyServices } from "./services.ts";

let services: VerifyServices;
beforeAll(async () => {
  services = await verifyServices();
}, 180_000);
afterAll(() => services?.close());

async function queuedSale() {
  const { redis, database } = services;
  const sale = await createHealthySale(redis, database.sql);
  await database.sql`UPDATE coupons SET issue_mode = 'QUEUED' WHERE id = ${sale.couponId}`;
  return sale;
}
const look = (couponId: string) =>
  verify(services.env, { couponId, recheckMs: 20, patienceMs: 100, consumersUp: true, readers: services.readers });
const ask = async (couponId: string) => {
  const producer = services.kafka.producer();
  await producer.send({ topic: "coupon-requests", key: couponId, value: "{}" });
  await producer.close();
};
const MINUTE = 60_000;

test("a request that waits for a moment is no violation; one that the log does not hold any more is lost", async () => {
  const { couponId, keys, claims, alias } = await queuedSale();
  const { redis, database } = services;
  const [fresh, lost, refused] = [0, MINUTE, MINUTE].map((age) => newRequestId(couponId, Date.now() - age));
  await redis.hset(keys.status, fresh!, "PENDING ada", refused!, "PENDING bea", claims[0]!.requestId, "PENDING cem");
  await redis.hset(keys.status, alias, "PENDING cem");
  await insertRefusals(database.sql, [{ requestId: refused!, couponId, userId: "bea", reason: "SOLD_OUT" }]);
  expect((await look(couponId)).checks.filter(({ ok }) => !ok)).toEqual([]);

  await redis.hset(keys.status, lost!, "PENDING dan");
  const report = await look(couponId);
  expect(report.checks.filter(({ ok }) => !ok)).toMatchObject([
    { name: "pending-decided", promise: 2, count: 1, examples: [lost] },
  ]);
});

// Last: what it leaves in the log lies there for good.
test("a decider that stands still is named, unless its sale is paused", async () => {
  const { couponId, keys } = await queuedSale();
  const { redis, database } = services;
  await redis.hset(keys.status, newRequestId(couponId, Date.now() - MINUTE), "PENDING dan");
  await ask(couponId);
  const standing = await look(couponId);
  expect(findCheck(standing, "lag-moves")).toMatchObject({ ok: false, count: 1 });
  expect(findCheck(standing, "pending-decided")).toMatchObject({ ok: true }); // the log may hold it

  await database.sql`UPDATE coupons SET state = 'PAUSED' WHERE id = ${couponId}`;
  const paused = findCheck(await look(couponId), "lag-moves");
  expect(paused).toMatchObject({ ok: true });
  expect(paused!.detail).toContain(`sale ${couponId} is paused or being rebuilt: its requests wait`);
});
