import { afterAll, beforeAll, expect, test } from "bun:test";
import type { CouponId } from "../../contracts/wire/ids.ts";
import { saleKeys } from "../../lua/keys.ts";
import { recorder } from "../history/recorder.ts";
import { call, claim } from "../support/client.ts";
import { promisesKept } from "../support/promises-kept.ts";
import { readQueuedLog } from "../support/queued-log.ts";
import { tryClaim } from "../support/rush.ts";
import { TestSocket } from "../support/socket.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

let system: System;
beforeAll(async () => {
  // A gateway that stands still for a while must not have waited too long for the log.
  system = await startSystem("queued_gateway_killed", { consumers: false, gatewayEnv: { QUEUED_ACK_MS: "30000" } });
  await system.addConsumers(["sale-loader", "notify", "claim-relay"]);
}, 180_000);
afterAll(() => system?.close());

const KILLED = 128 + 9;
const USER = "ada";
const statusOf = async (requestId: string) =>
  (await call(`${system.url}/coupons/requests/${requestId}`, { token: system.token(USER) })).body.status;
const noted = async (id: string) => (await system.redis.hget(saleKeys(id as CouponId).asked, USER))?.split(" ")[0];
const recordsOf = async (id: string) =>
  (await readQueuedLog(system.stack.env.KAFKA_BROKERS, id)).map((ask) => ask.requestId);

/** Claims at a gateway that is killed on the way; whether over HTTP or a socket, there is no answer. */
async function unanswered(id: string, via: "http" | "socket", faultPoint: string): Promise<string> {
  const doomed = await system.addGateway({ FAULT_POINT: faultPoint });
  if (via === "http") expect((await tryClaim(doomed.url, id, system.token(USER))).status).toBe(0);
  else {
    const socket = await TestSocket.welcomed(doomed.url, system.token(USER));
    socket.send({ type: "claim", couponId: id });
    await socket.closed();
    expect(socket.all("claim.accepted")).toEqual([]);
  }
  expect(await doomed.exited).toBe(KILLED);
  return (await noted(id))!;
}

async function asksAgain(id: string, via: "http" | "socket"): Promise<object> {
  if (via === "http") {
    const { status, body } = await claim(system.url, id, system.token(USER));
    expect(status).toBe(202);
    return body;
  }
  const socket = await TestSocket.welcomed(system.url, system.token(USER));
  socket.send({ type: "claim", couponId: id });
  const answer = await socket.hears("claim.accepted");
  socket.close();
  return answer;
}

/** The decider comes, and the request is a coupon, once. */
async function decided(id: string, requestId: string, fault: string): Promise<void> {
  const decider = await system.addConsumers(["coupon-decide"]);
  await until("it is issued", async () => (await statusOf(requestId)) === "ISSUED");
  await system.settled(id);
  expect(await claim(system.url, id, system.token(USER))).toMatchObject({
    status: 200,
    body: { requestId, slot: 1, repeat: true },
  });
  await promisesKept(system, id, { winners: 1, fault });
  expect(await decider.stop()).toBe(0);
}

for (const via of ["http", "socket"] as const) {
  test(`${via}: killed between the note and the log, a user who asks again gets that request, and it is logged`, async () => {
    const { id } = await system.createSale({ total: 5, issueMode: "QUEUED" });
    const requestId = await unanswered(id, via, "queued:noted");
    expect(await recordsOf(id)).toEqual([]);
    expect(await asksAgain(id, via)).toMatchObject({ requestId, status: "PENDING", repeat: true });
    expect(await asksAgain(id, via)).toMatchObject({ requestId, status: "PENDING", repeat: true });
    expect(await recordsOf(id)).toEqual([requestId]);
    await decided(id, requestId, `queued: gateway killed before the log (${via})`);
  }, 180_000);

  test(`${via}: killed between the log and its note, the request is PENDING and a user who asks again gets it`, async () => {
    const { id } = await system.createSale({ total: 5, issueMode: "QUEUED" });
    const requestId = await unanswered(id, via, "queued:logged");
    expect(await recordsOf(id)).toEqual([requestId]);
    expect(await system.redis.exists(saleKeys(id as CouponId).status)).toBe(0);
    expect(await statusOf(requestId)).toBe("PENDING");
    expect(await asksAgain(id, via)).toMatchObject({ requestId, status: "PENDING", repeat: true });
    expect(await recordsOf(id)).toEqual([requestId, requestId]);
    expect(await asksAgain(id, via)).toMatchObject({ requestId, repeat: true });
    expect(await recordsOf(id)).toHaveLength(2);
    await decided(id, requestId, `queued: gateway killed after the log (${via})`);
  }, 180_000);
}

test("Redis forgets everything between the log and the answer: what the log has is answered, repeated, and a coupon", async () => {
  const { id } = await system.createSale({ total: 5, issueMode: "QUEUED" });
  const sleeper = await system.addGateway({ FAULT_POINT: "pause:queued:logged" });
  const answer = claim(sleeper.url, id, system.token(USER));
  const requestId = await until("the log has it", async () => (await recordsOf(id))[0]);
  const epochOf = async () => (await system.sql`SELECT epoch, load_state FROM coupons WHERE id = ${id}`)[0]!;
  const { epoch } = await epochOf();
  await system.redis.flushall();
  recorder.redisLost();
  await until("the sale is rebuilt", async () => {
    const now = await epochOf();
    return now.epoch > epoch && now.load_state === "LOADED";
  });
  expect(await statusOf(requestId)).toBe("PENDING");
  sleeper.kill("SIGCONT");
  expect(await answer).toMatchObject({ status: 202, body: { requestId, status: "PENDING" } });
  expect(await asksAgain(id, "http")).toMatchObject({ requestId, repeat: true });
  expect(await recordsOf(id)).toEqual([requestId]);
  await decided(id, requestId, "queued: FLUSHALL between the log and the answer");
}, 180_000);
