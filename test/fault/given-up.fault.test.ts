import { afterAll, beforeAll, expect, test } from "bun:test";
import type { GrantedClaim } from "../../consumers/claims/persist/outcome.ts";
import { claimRecord } from "../../gateway/claims/publish.ts";
import { createBunKafka } from "../../kafka/bun/kafka.ts";
import { saleKeys } from "../../lua/keys.ts";
import { recorder } from "../history/recorder.ts";
import { call, claim } from "../support/client.ts";
import { isStopped } from "../support/processes.ts";
import { promisesKept } from "../support/promises-kept.ts";
import { tryClaim } from "../support/rush.ts";
import { TestSocket } from "../support/socket.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

let system: System;
beforeAll(async () => {
  // The broker notices after its session that a member was killed; this is the shortest it accepts.
  const consumersEnv = { KAFKA_PROPERTIES: "session.timeout.ms=6000" };
  system = await startSystem("given_up", { consumers: false, consumersEnv });
  await system.addConsumers(["sale-loader", "notify"]);
}, 180_000);
afterAll(() => system?.close());

const KILLED = 128 + 9;
const statusOf = async (requestId: string, user: string) =>
  (await call(`${system.url}/coupons/requests/${requestId}`, { token: system.token(user) })).body;

/** The log delivers a claim once more. */
async function logged(given: GrantedClaim): Promise<void> {
  const producer = createBunKafka({ brokers: system.stack.env.KAFKA_BROKERS, clientId: "test" }).producer();
  await producer.send({ topic: "coupon-issue-requests", value: claimRecord(given, new Date()) });
  await producer.close();
}

/** The ledger has a claim once more, as after a Redis that came back with an older file. */
const inLedger = ({ couponId, userId, requestId, slot, epoch }: GrantedClaim) =>
  system.redis.xadd(saleKeys(couponId).ledger, "*", "u", userId, "r", requestId, "s", slot, "e", epoch);

test("a claim given up, its slot won by another user, and then delivered again: by the log, by the ledger, after a rebuild", async () => {
  const { id } = await system.createSale({ total: 2 });
  const owner = await TestSocket.welcomed(system.url, system.token("owner"));
  const answer = await claim(system.url, id, system.token("owner"));
  expect(answer).toMatchObject({ status: 202, body: { slot: 1 } });
  const { requestId } = answer.body;
  const given = { couponId: id, userId: "owner", requestId, slot: 1, epoch: 1, ledgerId: "0-0" } as GrantedClaim;
  expect(await claim(system.url, id, system.token("other"))).toMatchObject({ status: 202, body: { slot: 2 } });

  // Given up before it was persisted: its record still waits in the log.
  const json = { requestId, why: "a bot" };
  await call(`${system.url}/admin/coupons/${id}/revoke`, { token: system.operator, json });
  await system.addConsumers(["claim-relay"]);
  await owner.hears("coupon.failed");
  const heir = await until("the slot goes to another user", async () => {
    const won = await claim(system.url, id, system.token("heir"));
    return won.status < 300 && won;
  });
  expect(heir.body.slot).toBe(1);

  /** Whatever was delivered: the slot is the heir's, nothing is free, and the owner has failed. */
  const stands = async () => {
    await system.settled(id, 60_000);
    const rows =
      await system.sql`SELECT user_id, slot, status FROM user_coupons WHERE coupon_id = ${id} ORDER BY user_id`;
    expect(rows.map((row) => ({ ...row }))).toEqual([
      { user_id: "heir", slot: 1, status: "ACTIVE" },
      { user_id: "other", slot: 2, status: "ACTIVE" },
      { user_id: "owner", slot: null, status: "REVOKED" },
    ]);
    expect(await system.redis.llen(saleKeys(id).freed)).toBe(0);
    expect(Object.keys(await system.redis.hgetall(saleKeys(id).winners)).toSorted()).toEqual(["heir", "other"]);
    expect(await statusOf(requestId, "owner")).toMatchObject({ status: "FAILED", reason: "REVOKED" });
    expect(await statusOf(heir.body.requestId, "heir")).toMatchObject({ status: "ISSUED", slot: 1 });
    expect(await tryClaim(system.url, id, system.token("stranger"))).toMatchObject({ body: { code: "SOLD_OUT" } });
  };

  // Delivered by the log, twice: the first process dies between its work and the commit of the offset.
  const doomed = system.addConsumers(["coupon-persist"], { FAULT_POINT: "persist:announced" });
  // The log is waiting for it, so it may be gone before it is ready.
  const gone = doomed.then(
    ({ exited }) => exited,
    (error: Error) => error.message,
  );
  expect(String(await gone)).toMatch(new RegExp(`^(${KILLED}$|consumers stopped while it started)`));
  await system.addConsumers(["coupon-persist"]);
  await stands();
  await inLedger(given);
  await logged(given);
  await stands();

  await system.redis.flushall();
  recorder.redisLost();
  await until("the sale is rebuilt", async () => {
    const { status } = await tryClaim(system.url, id, system.token("heir"));
    return status === 200;
  });
  await inLedger(given);
  await logged(given);
  await stands();
  await promisesKept(system, id, { winners: 2, fault: "a claim given up, delivered again after its slot was won" });
  // And nothing else was ever said to them.
  expect(owner.all("coupon.issued")).toEqual([]);
  owner.close();
}, 180_000);

test("a persister that stands still between commit and news, for longer than its session: claims revoked meanwhile stay FAILED", async () => {
  const persisters = system.consumers.filter(({ output }) => output().includes(`"roles":["coupon-persist"]`));
  await Promise.all(persisters.map((process) => process.stop()));
  const sleeper = await system.addConsumers(["coupon-persist"], { FAULT_POINT: "pause:persist:committed" });
  const { id } = await system.createSale({ total: 3 });
  const owners = ["anna", "bert", "cora"];
  const sockets = await Promise.all(owners.map((user) => TestSocket.welcomed(system.url, system.token(user))));
  const won = await Promise.all(owners.map((user) => claim(system.url, id, system.token(user))));
  await until("it has stopped itself", () => isStopped(sleeper.pid));
  // The relay does what is left of its work; then an operator takes all of it back.
  for (const socket of sockets) await socket.hears("coupon.issued");
  for (const { body } of won) {
    const json = { requestId: body.requestId, why: "bots" };
    const revoked = await call(`${system.url}/admin/coupons/${id}/revoke`, { token: system.operator, json });
    expect(revoked).toMatchObject({ status: 200, body: { released: true } });
  }
  for (const heir of ["xaver", "yara", "zoe"]) {
    expect(await claim(system.url, id, system.token(heir))).toMatchObject({ status: 202 });
  }
  await system.addConsumers(["coupon-persist"]);
  await system.settled(id, 60_000);
  sleeper.kill("SIGCONT");
  expect(await sleeper.stop()).toBe(0);
  await promisesKept(system, id, { winners: 3, fault: "a persister paused between commit and news" });
  // Whatever it said so late, the last word is the true one.
  for (const [i, socket] of sockets.entries()) {
    await until(`${owners[i]} knows`, () => {
      const news = socket.heard.filter(({ type }) => type === "coupon.issued" || type === "coupon.failed");
      return news.at(-1)!.type === "coupon.failed";
    });
    expect(await statusOf(won[i]!.body.requestId, owners[i]!)).toMatchObject({ status: "FAILED", reason: "REVOKED" });
    socket.close();
  }
  expect(await tryClaim(system.url, id, system.token("stranger"))).toMatchObject({ body: { code: "SOLD_OUT" } });
}, 180_000);
