import { afterAll, beforeAll, expect, test } from "bun:test";
import { recorder } from "../history/recorder.ts";
import { call } from "../support/client.ts";
import { isStopped, type TestProcess } from "../support/processes.ts";
import { promisesKept } from "../support/promises-kept.ts";
import { lastWords, named, rush } from "../support/rush.ts";
import { TestSocket } from "../support/socket.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

let system: System;
let sleeper: TestProcess;
beforeAll(async () => {
  system = await startSystem("paused_gateway");
  sleeper = await system.addGateway({ FAULT_POINT: "pause:claim:after-lua", CLAIM_ACK_MS: "2000" });
}, 180_000);
afterAll(async () => {
  for (const gateway of system?.gateways ?? []) gateway.kill("SIGCONT");
  await system?.close();
}, 180_000);

/** Ten times as long as a producer tries (MESSAGE_TIMEOUT_MS of these tests), so that no recovery waits for it. */
const PAUSE_MS = 20_000;
const TOTAL = 100;

const winnersOf = (couponId: string): Promise<Record<string, string>> =>
  system.redis.hgetall(`{c:${couponId}}:winners`);
const patient = (couponId: string, users: readonly string[]) =>
  rush({ couponId, users, gatewayFor: () => system.url, token: system.token });

test("a gateway paused for 20 s between Redis' decision and the log, while Redis forgets and the epoch changes", async () => {
  const { id } = await system.createSale({ total: TOTAL });
  expect(lastWords(await patient(id, named("before", 40)))).toEqual({ 202: 40 });
  await system.settled(id);

  // Claims that arrive while it stands still are taken up in one turn, and decided by one script call.
  const asleep = named("asleep", 30);
  const sockets = await Promise.all(asleep.map((user) => TestSocket.welcomed(sleeper.url, system.token(user))));
  sleeper.kill("SIGSTOP");
  await until("it stands still", () => isStopped(sleeper.pid));
  for (const socket of sockets) socket.send({ type: "claim", couponId: id });
  const ask = (user: string) =>
    call(`${sleeper.url}/coupons/${id}/issue`, { method: "POST", token: system.token(user), patienceMs: 60_000 });
  const overHttp = named("waiting", 5).map(ask);
  sleeper.kill("SIGCONT");
  const decided = await until("it has stopped itself with claims in hand", async () => {
    const winners = Object.keys(await winnersOf(id)).length;
    return winners > 40 && isStopped(sleeper.pid) && winners - 40;
  });
  const pausedAt = performance.now();
  expect(decided).toBeGreaterThan(10);
  await system.redis.flushall();
  recorder.redisLost();

  // The sale is rebuilt without them and goes on: a third asks again elsewhere, others take most of what is left.
  const elsewhere = await patient(id, asleep.slice(0, 10));
  expect(lastWords(elsewhere)).toEqual({ 202: 10 });
  expect(lastWords(await patient(id, named("meanwhile", 40)))).toEqual({ 202: 40 });
  expect(isStopped(sleeper.pid)).toBe(true);
  await Bun.sleep(PAUSE_MS - (performance.now() - pausedAt));

  sleeper.kill("SIGCONT");
  const answers = await Promise.all(overHttp);
  await Promise.all(
    sockets.map((socket) =>
      until("it is answered", () => socket.all("claim.accepted")[0] ?? socket.all("claim.refused")[0], 20_000),
    ),
  );
  const late = sockets.flatMap((socket) => socket.all("claim.accepted"));
  expect(late.length).toBeGreaterThanOrEqual(decided - overHttp.length);
  // Users who were refused temporarily ask again; then the sale is sold out for all.
  await patient(id, [...asleep, ...named("waiting", 5)]);
  expect(lastWords(await patient(id, named("afterwards", 20)))).toEqual({ SOLD_OUT: 20 });
  await promisesKept(system, id, {
    winners: TOTAL,
    givenUp: late.length + answers.length - 10,
    fault: "a gateway paused for 20 s between Redis and Kafka, FLUSHALL meanwhile",
  });

  // All of them hear how it ended, on the sockets they had before it all.
  for (const socket of sockets) {
    for (const { requestId } of socket.all("claim.accepted")) {
      const ofIt = (message: { requestId: string }) => message.requestId === requestId;
      const told = () => socket.all("coupon.issued").find(ofIt) ?? socket.all("coupon.failed").find(ofIt);
      await until(`${requestId} is told`, told);
    }
    socket.close();
  }
  const epochs = await system.sql`SELECT epoch, count(*)::int AS n FROM user_coupons
    WHERE coupon_id = ${id} AND status <> 'REVOKED' GROUP BY epoch ORDER BY epoch`;
  expect(epochs.map((row) => ({ ...row }))).toEqual([
    { epoch: 1, n: 40 },
    { epoch: 2, n: 60 },
  ]);
}, 180_000);

test("on the Redis pipeline: a claim that Redis forgot while its gateway stood still is not promised afterwards", async () => {
  const json = { pipeline: "redis" };
  const switched = await call(`${system.url}/admin/pipeline`, { method: "PUT", token: system.operator, json });
  expect(switched.status).toBe(200);
  const { id } = await system.createSale({ total: TOTAL });
  const dozing = await system.addGateway({ FAULT_POINT: "pause:claim:after-lua" });
  expect(lastWords(await patient(id, named("early", 40)))).toEqual({ 202: 40 });
  await system.settled(id);
  const users = named("dozing", 20);
  const sockets = await Promise.all(users.map((user) => TestSocket.welcomed(dozing.url, system.token(user))));
  for (const socket of sockets) socket.send({ type: "claim", couponId: id });
  await until(
    "it has stopped itself",
    async () => Object.keys(await winnersOf(id)).length > 40 && isStopped(dozing.pid),
  );
  await system.redis.flushall();
  recorder.redisLost();
  // The rebuilt sale gives their slots to others.
  expect(lastWords(await patient(id, named("instead", 50)))).toEqual({ 202: 50 });
  dozing.kill("SIGCONT");
  for (const socket of sockets) {
    await until("it is answered", () => socket.all("claim.accepted")[0] ?? socket.all("claim.refused")[0]);
  }
  const words = lastWords(await patient(id, users));
  expect((words["202"] ?? 0) + (words["200"] ?? 0)).toBe(10);
  expect(words.SOLD_OUT).toBe(10);
  for (const socket of sockets) socket.close();
  await promisesKept(system, id, {
    winners: TOTAL,
    fault: "a gateway paused on the Redis pipeline, FLUSHALL meanwhile",
  });
}, 180_000);
