import { afterAll, beforeAll, expect, test } from "bun:test";
import { recorder } from "../history/recorder.ts";
import { type ApiAnswer, call } from "../support/client.ts";
import type { TestProcess } from "../support/processes.ts";
import { promisesKept } from "../support/promises-kept.ts";
import { firstUsers, readQueuedLog } from "../support/queued-log.ts";
import { named, rush, type UserStory } from "../support/rush.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

let system: System;
beforeAll(async () => {
  // The broker notices after its session that a member was killed; this is the shortest it accepts.
  const consumersEnv = { KAFKA_PROPERTIES: "session.timeout.ms=6000" };
  system = await startSystem("queued_killed", { gateways: 2, consumers: false, consumersEnv });
  await system.addConsumers(["sale-loader", "notify", "claim-relay"]);
}, 180_000);
afterAll(async () => {
  await system?.stack.up(["redis"]);
  await system?.close();
}, 180_000);

const KILLED = 128 + 9;
const TOTAL = 400;
const gatewayFor = (user: number, attempt: number) => system.gateways[(user + attempt) % 2]!.url;
const decider = (faultPoint = ""): Promise<TestProcess> =>
  system.addConsumers(["coupon-decide"], { FAULT_POINT: faultPoint });
const asking = (couponId: string, prefix: string, count: number, begins?: (user: number) => unknown) =>
  rush({
    couponId,
    users: named(prefix, count),
    gatewayFor,
    token: system.token,
    ...(begins ? { begins } : {}),
  });

/** The promise of a queued sale, whatever happened: the log's first users, one coupon each, and every user told the truth. */
async function firstOfTheLog(couponId: string, stories: readonly UserStory[], fault: string): Promise<void> {
  await system.settled(couponId, 60_000);
  const asks = await readQueuedLog(system.stack.env.KAFKA_BROKERS, couponId);
  const expected = firstUsers(asks, TOTAL);
  const rows = await system.sql`
    SELECT user_id, slot FROM user_coupons WHERE coupon_id = ${couponId} AND status <> 'REVOKED'`;
  expect(rows.map(({ user_id }) => user_id).sort()).toEqual([...expected].sort());
  expect(new Set(rows.map(({ slot }) => slot)).size).toBe(expected.length);
  const won = new Set(expected);
  const wrong: string[] = [];
  for (const { userId, answers } of stories) {
    const last: ApiAnswer = answers.at(-1)!;
    if (last.status !== 202) continue;
    const status = await until(`${userId} is told`, async () => {
      const url = `${system.url}/coupons/requests/${last.body.requestId}`;
      const { body } = await call(url, { token: system.token(userId) });
      return body.status !== "PENDING" && (body.status ?? body.code);
    });
    if (status !== (won.has(userId) ? "ISSUED" : "FAILED")) wrong.push(`${userId} ${status}`);
  }
  expect(wrong).toEqual([]);
  await promisesKept(system, couponId, { winners: expected.length, fault });
}

test.each(["decide:decided", "persist:committed", "persist:announced", "decide:settled"])(
  "killed at %s: the next one comes to the same winners",
  async (faultPoint) => {
    const { id } = await system.createSale({ total: TOTAL, issueMode: "QUEUED" });
    const doomed = await decider(faultPoint);
    const stories = await asking(id, faultPoint.replace(":", "-"), 1_000);
    expect(await doomed.exited).toBe(KILLED);
    const heir = await decider();
    await firstOfTheLog(id, stories, `queued: killed at ${faultPoint}`);
    expect(await heir.stop()).toBe(0);
  },
  180_000,
);

test("what is not decided yet is PENDING for its owner after Redis forgot it; what was decided is ISSUED after the next time", async () => {
  const { id } = await system.createSale({ total: TOTAL, issueMode: "QUEUED" });
  const stories = await asking(id, "patient", 20);
  const epochOf = async () => (await system.sql`SELECT epoch FROM coupons WHERE id = ${id}`)[0]!.epoch as number;
  const forget = async () => {
    const before = await epochOf();
    await system.redis.flushall();
    recorder.redisLost();
    await until("the sale is rebuilt", async () => {
      const [row] = await system.sql`SELECT epoch, load_state FROM coupons WHERE id = ${id}`;
      return row!.epoch > before && row!.load_state === "LOADED";
    });
  };
  const { userId, answers } = stories[0]!;
  const status = async () => {
    const url = `${system.url}/coupons/requests/${answers.at(-1)!.body.requestId}`;
    return (await call(url, { token: system.token(userId) })).body;
  };
  await forget();
  expect(await status()).toMatchObject({ status: "PENDING" });
  const role = await decider();
  await firstOfTheLog(id, stories, "queued: FLUSHALL before the decision");
  expect(await role.stop()).toBe(0);
  await forget();
  expect(await status()).toMatchObject({ status: "ISSUED" });
}, 180_000);

test("FLUSHALL in mid-sale, and a decider killed between decision and commit: still the first of the log", async () => {
  const { id } = await system.createSale({ total: TOTAL, issueMode: "QUEUED" });
  const doomed = await decider("decide:decided");
  let flushed: Promise<unknown> | undefined;
  const early = await asking(id, "early", 150);
  expect(await doomed.exited).toBe(KILLED); // its winners are in Redis alone
  const heir = await decider();
  const late = await asking(id, "late", 800, (user) => {
    if (user === 100) flushed = system.redis.flushall().then(() => recorder.redisLost());
    return flushed;
  });
  await flushed;
  await firstOfTheLog(id, [...early, ...late], "queued: killed at decide:decided, then FLUSHALL");
  const [row] = await system.sql`SELECT epoch FROM coupons WHERE id = ${id}`;
  expect(row!.epoch).toBeGreaterThan(1);
  expect(await heir.stop()).toBe(0);
}, 180_000);

test("Redis killed in mid-sale and started again: what is logged waits, and wins in its order", async () => {
  const { id } = await system.createSale({ total: TOTAL, issueMode: "QUEUED" });
  const role = await decider();
  let restart: Promise<void> | undefined;
  let killed: Promise<void> | undefined;
  const stories = await asking(id, "restarted", 1_200, (user) => {
    if (user === 120) {
      killed = system.crash("redis").then(() => recorder.redisLost());
      restart = killed.then(() => system.stack.up(["redis"]));
    }
    return killed;
  });
  await restart;
  await firstOfTheLog(id, stories, "queued: Redis killed in mid-sale");
  expect(await role.stop()).toBe(0);
}, 180_000);
