import { afterAll, beforeAll, expect, test } from "bun:test";
import { saleKeys } from "../../lua/keys.ts";
import { claim } from "../support/client.ts";
import { promisesKept } from "../support/promises-kept.ts";
import { lastWords, named, rush, type UserStory } from "../support/rush.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

let system: System;
beforeAll(async () => {
  system = await startSystem("forgotten_slots", { gateways: 2 });
}, 180_000);
afterAll(() => system?.close());

const gatewayFor = (user: number, attempt: number) => system.gateways[(user + attempt) % 2]!.url;
const asking = (couponId: string, users: readonly string[]): Promise<UserStory[]> =>
  rush({ couponId, users, gatewayFor, token: system.token });
const winners = async (couponId: string, total: number, count: number): Promise<string> => {
  const stories = await asking(couponId, named("knows", count));
  expect(lastWords(stories)).toEqual({ 202: count });
  await system.settled(couponId);
  expect(count).toBeLessThanOrEqual(total);
  return couponId;
};
const fences = async (couponId: string) =>
  (await system.sql`SELECT detail FROM audit_log WHERE target = ${couponId} AND action = 'sale.fenced'`).length;
const loaded = (couponId: string, epoch: number) =>
  until("the sale is rebuilt", async () => {
    const [row] = await system.sql`SELECT epoch, load_state FROM coupons WHERE id = ${couponId}`;
    return row!.load_state === "LOADED" && row!.epoch >= epoch;
  });

/** Redis forgets its last winners: their slots will be handed out again. */
async function forget(couponId: string, users: readonly string[], next: number): Promise<void> {
  const keys = saleKeys(couponId as never);
  await system.redis.hdel(keys.winners, ...users);
  await system.redis.hset(keys.sale, "next", next);
}

test("slots that PostgreSQL holds and Redis hands out again: the fence is raised once, every user who was accepted has a coupon", async () => {
  const { id } = await system.createSale({ total: 20 });
  await winners(id, 20, 10);
  await forget(id, ["knows-6", "knows-7", "knows-8", "knows-9"], 6);
  // Strangers and the forgotten ones themselves, for the same slots.
  const stories = await asking(id, ["knows-9", ...named("stranger", 3), "knows-6", "knows-7", "knows-1"]);
  const words = lastWords(stories);
  expect((words["202"] ?? 0) + (words["200"] ?? 0)).toBe(stories.length);
  await loaded(id, 2);
  await system.settled(id); // the strangers' claims were decided again, with free slots
  expect(lastWords(await asking(id, named("later", 20)))).toEqual({ 202: 7, SOLD_OUT: 13 });
  await promisesKept(system, id, { winners: 20, fault: "slots that Redis forgot" });
  // The forgotten ones still have the coupon they had.
  const rows =
    await system.sql`SELECT user_id, slot FROM user_coupons WHERE coupon_id = ${id} AND user_id LIKE 'knows-%'`;
  expect(rows.map(({ slot }) => slot).toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  expect(await fences(id)).toBe(1);
}, 180_000);

test("a sold-out sale that Redis takes for open: users who are let in are told FAILED once, and then no user is let in", async () => {
  const { id } = await system.createSale({ total: 10 });
  await winners(id, 10, 10);
  await forget(id, ["knows-8", "knows-9"], 8);
  const fooled: UserStory[] = [];
  // The gates still refuse from memory, and look again.
  await until("Redis grants a claim again", async () => {
    const from = fooled.length;
    fooled.push(...(await asking(id, named(`fooled-${from}`, 8))));
    return lastWords(fooled)["202"] !== undefined;
  });
  await loaded(id, 2);
  const accepted = fooled.filter(({ answers }) => answers.at(-1)!.status < 300);
  // They ask again and again: no endless 202 and FAILED.
  const again = await Promise.all(
    accepted.flatMap(({ userId }) => Array.from({ length: 5 }, () => asking(id, [userId]))),
  );
  expect(lastWords(again.flat())).toEqual({ SOLD_OUT: 5 * accepted.length });
  expect(lastWords(await asking(id, named("crowd", 50)))).toEqual({ SOLD_OUT: 50 });
  expect(await claim(system.url, id, system.token("knows-9"))).toMatchObject({ status: 200, body: { repeat: true } });
  expect(accepted.length).toBeLessThanOrEqual(2);
  await promisesKept(system, id, {
    winners: 10,
    givenUp: accepted.length,
    fault: "a sold-out sale that Redis took for open",
  });
  expect(await fences(id)).toBe(1);
  const [audit] = await system.sql`SELECT epoch FROM coupons WHERE id = ${id}`;
  expect(audit!.epoch).toBeLessThanOrEqual(3);
}, 180_000);

test("a slot that stands in the free list and has a holder: no other user gets it", async () => {
  const { id } = await system.createSale({ total: 12 });
  await winners(id, 12, 10);
  await system.redis.rpush(saleKeys(id as never).freed, 3, 3, 7);
  const stories = await asking(id, named("lucky", 12));
  const words = lastWords(stories);
  await loaded(id, 2);
  // Two of them have a coupon in the end; who was let in for a slot that is taken was told so.
  await promisesKept(system, id, {
    winners: 12,
    givenUp: (words["202"] ?? 0) - 2,
    fault: "slots in Redis' free list that had a holder",
  });
  expect(words["202"]).toBeGreaterThanOrEqual(2);
  expect(words["202"]).toBeLessThanOrEqual(5);
  expect(await fences(id)).toBe(1);
}, 180_000);
