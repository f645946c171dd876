import { afterAll, beforeAll, expect, test } from "bun:test";
import { recorder } from "../history/recorder.ts";
import { call, claim } from "../support/client.ts";
import { promisesKept } from "../support/promises-kept.ts";
import { lastWords, named, rush, tryClaim, type UserStory } from "../support/rush.ts";
import { TestSocket } from "../support/socket.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

let system: System;
let processIds: number[];
beforeAll(async () => {
  system = await startSystem("redis_lost", { gateways: 2 });
  processIds = [...system.gateways, ...system.consumers].map(({ pid }) => pid);
}, 180_000);
afterAll(async () => {
  await system?.stack.kill("redis", "SIGCONT");
  await system?.stack.up(["redis"]);
  await system?.close();
}, 180_000);

const gatewayFor = (user: number, attempt: number) => system.gateways[(user + attempt) % 2]!.url;
const epochOf = async (couponId: string): Promise<number> =>
  (await system.sql`SELECT epoch FROM coupons WHERE id = ${couponId}`)[0]!.epoch;

/** Every user who is refused for the time being asks again, for longer than a recovery takes. */
const patient = (
  couponId: string,
  users: readonly string[],
  begins?: (user: number) => unknown,
): Promise<UserStory[]> => rush({ couponId, users, gatewayFor, token: system.token, ...(begins ? { begins } : {}) });

/** The program that went through it all is the one that was started. */
function nobodyWasRestarted(): void {
  for (const pid of processIds) expect(process.kill(pid, 0)).toBe(true);
}

test("while Redis is away every claim gets 503 with Retry-After; back, the sale is rebuilt and goes on where it was", async () => {
  const { id } = await system.createSale({ total: 50 });
  const before = await patient(id, named("before", 20));
  expect(lastWords(before)).toEqual({ 202: 20 });
  await system.settled(id); // what is told of them while Redis is away is what PostgreSQL has
  await system.stack.down(["redis"]);
  recorder.redisLost();

  const token = system.token(before[0]!.userId);
  const startedAt = performance.now();
  const refused = await claim(system.url, id, token);
  expect(performance.now() - startedAt).toBeLessThan(20_000); // it did not wait until Redis came back
  expect(refused).toMatchObject({ status: 503, body: { code: "SALE_RECOVERING", retryable: true } });
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
  expect(await call(`${system.url}/coupons/${id}`)).toMatchObject({
    status: 200,
    body: { total: 50, state: "RECOVERING", remaining: null },
  });
  expect((await call(`${system.url}/health/ready`)).status).toBe(503);
  expect((await call(`${system.url}/health/live`)).status).toBe(200);
  // What PostgreSQL holds is still told.
  expect((await call(`${system.url}/me/coupons`, { token })).body.items).toHaveLength(1);
  const { requestId } = before[0]!.answers[0]!.body;
  expect((await call(`${system.url}/coupons/requests/${requestId}`, { token })).body).toMatchObject({
    status: "ISSUED",
  });

  await system.stack.up(["redis"]);
  const after = await patient(id, named("after", 60));
  const words = lastWords(after);
  expect(words).toEqual({ 202: 30, SOLD_OUT: 30 });
  const again = await tryClaim(system.url, id, token);
  expect(again).toMatchObject({ status: 200, body: { requestId, repeat: true } });
  expect(await epochOf(id)).toBeGreaterThan(1);
  await promisesKept(system, id, { winners: 50, fault: "Redis stopped and started" });
  nobodyWasRestarted();
}, 180_000);

test("Redis killed in mid-rush and started again: nothing until the sale is rebuilt, then the rest, and never one too many", async () => {
  const { id } = await system.createSale({ total: 1_000 });
  let restart: Promise<void> | undefined;
  let killed: Promise<void> | undefined;
  const stories = await patient(id, named("rusher", 3_000), (user) => {
    if (user === 400) {
      killed = system.crash("redis").then(() => recorder.redisLost());
      restart = killed.then(() => system.stack.up(["redis"]));
    }
    return killed; // from here on they come to a sale that is lost
  });
  await restart;
  const refusals = stories.flatMap(({ answers }) => answers).filter(({ body }) => body.code === "SALE_RECOVERING");
  expect(refusals.length).toBeGreaterThan(0);
  const words = lastWords(stories);
  expect((words["202"] ?? 0) + (words["200"] ?? 0)).toBe(1_000);
  expect(words.SOLD_OUT).toBe(2_000);
  expect(await epochOf(id)).toBeGreaterThan(1);
  await promisesKept(system, id, { winners: 1_000, fault: "Redis killed in mid-rush" });
  nobodyWasRestarted();
}, 180_000);

test("FLUSHALL in mid-rush: Redis forgot everything, PostgreSQL and the log did not", async () => {
  const { id } = await system.createSale({ total: 500 });
  let flushed: Promise<void> | undefined;
  const stories = await patient(id, named("flushed", 1_500), (user) => {
    if (user === 250) flushed = system.redis.flushall().then(() => recorder.redisLost());
    return flushed;
  });
  await flushed;
  const words = lastWords(stories);
  expect((words["202"] ?? 0) + (words["200"] ?? 0)).toBe(500);
  expect(words.SOLD_OUT).toBe(1_000);
  expect(await epochOf(id)).toBe(2);
  await promisesKept(system, id, { winners: 500, fault: "FLUSHALL in mid-rush" });
  nobodyWasRestarted();
}, 180_000);

test("Redis frozen for three seconds in mid-rush: unknown outcomes are found again by asking", async () => {
  const { id } = await system.createSale({ total: 500 });
  const thawed = Promise.withResolvers<void>();
  const stories = await patient(id, named("frozen", 1_500), async (user) => {
    if (user !== 250) return;
    await system.stack.kill("redis", "SIGSTOP");
    await Bun.sleep(3_000);
    await system.stack.kill("redis", "SIGCONT");
    thawed.resolve();
  });
  await thawed.promise;
  const words = lastWords(stories);
  expect((words["202"] ?? 0) + (words["200"] ?? 0)).toBe(500);
  expect(words.SOLD_OUT).toBe(1_000);
  // The same server, so nothing had to be rebuilt.
  expect(await epochOf(id)).toBe(1);
  await promisesKept(system, id, { winners: 500, fault: "Redis frozen for 3 s in mid-rush" });
  nobodyWasRestarted();
}, 180_000);

test("sockets stay open while Redis is away, and hear what happened as soon as it is back", async () => {
  const { id } = await system.createSale({ total: 5 });
  const socket = await TestSocket.welcomed(system.url, system.token("listener"));
  socket.send({ type: "subscribe", couponId: id });
  await socket.hears("subscribed");
  await system.crash("redis");
  recorder.redisLost();
  socket.send({ type: "claim", couponId: id, ref: "meanwhile" });
  expect(await socket.hears("claim.refused")).toMatchObject({
    ref: "meanwhile",
    code: "SALE_RECOVERING",
    retryable: true,
  });
  await system.stack.up(["redis"]);
  const won = await until("the claim is taken", async () => {
    const answer = await tryClaim(system.gateways[1]!.url, id, system.token("listener"));
    return (answer.status === 202 || answer.status === 200) && answer;
  });
  const issued = await socket.hears("coupon.issued");
  expect(issued.requestId).toBe(won.body.requestId);
  expect(socket.closeCode).toBeNull();
  socket.close();
  await promisesKept(system, id, { winners: 1 });
  nobodyWasRestarted();
}, 180_000);
