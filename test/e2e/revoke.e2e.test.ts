import { afterAll, beforeAll, expect, test } from "bun:test";
import { newRequestId } from "../../contracts/wire/ids.ts";
import { type ApiAnswer, call, claim } from "../support/client.ts";
import { promisesKept } from "../support/promises-kept.ts";
import { named, rush } from "../support/rush.ts";
import { TestSocket } from "../support/socket.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

let system: System;
beforeAll(async () => {
  system = await startSystem("revoke", { gateways: 2 });
}, 180_000);
afterAll(() => system?.close());

const revoke = (couponId: string, requestId: string, why = "a bot", token = system.operator): Promise<ApiAnswer> =>
  call(`${system.url}/admin/coupons/${couponId}/revoke`, { token, json: { requestId, why } });
const statusOf = async (requestId: string, user: string) =>
  (await call(`${system.url}/coupons/requests/${requestId}`, { token: system.token(user) })).body;

test("a revoked coupon goes to the next user, every gateway's gate reopens, and its owner hears of it", async () => {
  const { id } = await system.createSale({ total: 5 });
  const users = named("first", 5);
  const won = await rush({ couponId: id, users, gatewayFor: () => system.url, token: system.token });
  await system.settled(id);
  const { requestId, slot } = won[2]!.answers[0]!.body;
  const gateways = system.gateways.map(({ url }) => url);
  const owner = await TestSocket.welcomed(gateways[1]!, system.token("first-2"));
  const watchers = await Promise.all(gateways.map((url) => TestSocket.welcomed(url, system.token("watcher"))));
  for (const watcher of watchers) watcher.send({ type: "subscribe", couponId: id });
  // Both gateways refuse from memory.
  for (const [i, url] of gateways.entries()) {
    const refused = async () => (await claim(url, id, system.token(`late-${i}`))).body.code === "SOLD_OUT";
    await until("the sale is sold out", refused);
    await Promise.all(Array.from({ length: 20 }, refused));
  }
  for (const watcher of watchers) await watcher.hears("sale.soldout");

  const revoked = await revoke(id, requestId);
  expect(revoked).toMatchObject({ status: 200 });
  expect(revoked.body).toEqual({ requestId, couponId: id, userId: "first-2", status: "REVOKED", released: true });
  for (const watcher of watchers) await watcher.hears("sale.opened");
  expect(await owner.hears("coupon.failed")).toMatchObject({ couponId: id, requestId, reason: "REVOKED" });
  // No gateway refuses any more; the second one gives the slot away.
  expect(await claim(gateways[1]!, id, system.token("next"))).toMatchObject({ status: 202, body: { slot } });
  expect(await claim(gateways[0]!, id, system.token("next"))).toMatchObject({ status: 200, body: { slot } });

  const own = await call(`${system.url}/me/coupons`, { token: system.token("first-2") });
  expect(own.body.items).toMatchObject([{ requestId, slot, status: "REVOKED" }]);
  expect(await statusOf(requestId, "first-2")).toMatchObject({ status: "FAILED", reason: "REVOKED" });
  await promisesKept(system, id, { winners: 5 });
  for (const socket of [owner, ...watchers]) socket.close();
}, 180_000);

test("the revoked user may claim again, and a redelivery of the revoked claim frees no slot", async () => {
  const { id } = await system.createSale({ total: 1 });
  const first = (await claim(system.url, id, system.token("again"))).body;
  await system.settled(id);
  expect((await revoke(id, first.requestId)).body).toMatchObject({ released: true });
  const second = await claim(system.url, id, system.token("again"));
  expect(second).toMatchObject({ status: 202, body: { slot: 1 } });
  expect(second.body.requestId).not.toBe(first.requestId);
  await system.settled(id);

  const { createBunKafka } = await import("../../kafka/bun/kafka.ts");
  const producer = createBunKafka({ brokers: system.stack.env.KAFKA_BROKERS, clientId: "test" }).producer();
  const data = { couponId: id, userId: "again", requestId: first.requestId, slot: 1, epoch: 1, ledgerId: "0-0" };
  const event = { eventId: first.requestId, type: "CouponClaimed", version: 1, data };
  await producer.send({ topic: "coupon-issue-requests", value: JSON.stringify(event) });
  await producer.close();
  await system.settled(id);
  expect(await claim(system.url, id, system.token("stranger"))).toMatchObject({ body: { code: "SOLD_OUT" } });
  expect(await statusOf(second.body.requestId, "again")).toMatchObject({ status: "ISSUED", slot: 1 });
  expect(await statusOf(first.requestId, "again")).toMatchObject({ status: "FAILED", reason: "REVOKED" });
  const { items } = (await call(`${system.url}/me/coupons`, { token: system.token("again") })).body;
  expect(items.map(({ status }: { status: string }) => status)).toEqual(["ACTIVE", "REVOKED"]);
  await promisesKept(system, id, { winners: 1 });
}, 180_000);

test("revoking twice is revoking once; what cannot be revoked is refused by code, and nothing changes", async () => {
  const { id } = await system.createSale({ total: 3 });
  const other = await system.createSale({ total: 3 });
  const [used, twice] = [
    await claim(system.url, id, system.token("user")),
    await claim(system.url, id, system.token("two")),
  ];
  await system.settled(id);
  const first = await revoke(id, twice.body.requestId, "the first reason");
  expect(await revoke(id, twice.body.requestId, "another")).toMatchObject({ status: 200, body: first.body });
  const notes = await system.sql`SELECT why, actor FROM revocations WHERE coupon_id = ${id}`;
  expect(notes.map((row) => ({ ...row }))).toEqual([{ why: "the first reason", actor: "operator-1" }]);
  const audit = await system.sql`SELECT detail FROM audit_log WHERE target = ${id} AND action = 'claim.revoked'`;
  expect(audit).toHaveLength(1);

  await system.sql`UPDATE user_coupons SET status = 'USED', order_id = 'order-7' WHERE request_id = ${used.body.requestId}`;
  const conflict = await revoke(id, used.body.requestId);
  expect(conflict).toMatchObject({ status: 409, body: { code: "CONFLICT" } });
  expect(conflict.body.detail).toContain("order-7");
  await system.sql`UPDATE user_coupons SET status = 'ACTIVE', order_id = NULL WHERE request_id = ${used.body.requestId}`;

  const unknown = { status: 404, body: { code: "REQUEST_NOT_FOUND" } };
  expect(await revoke(id, newRequestId(id, Date.now()))).toMatchObject(unknown);
  expect(await revoke(other.id, used.body.requestId)).toMatchObject(unknown);
  const nowhere = "0".repeat(12);
  expect(await revoke(nowhere, newRequestId(nowhere as never, Date.now()))).toMatchObject({
    status: 404,
    body: { code: "COUPON_NOT_FOUND" },
  });
  for (const json of [
    { why: "x" },
    { requestId: used.body.requestId, why: "zero\u0000byte" },
    { requestId: used.body.requestId },
    { requestId: "x", why: "x" },
  ]) {
    const answer = await call(`${system.url}/admin/coupons/${id}/revoke`, { token: system.operator, json });
    expect(answer).toMatchObject({ status: 400, body: { code: "VALIDATION_FAILED" } });
  }
  expect(await revoke(id, used.body.requestId, " ")).toMatchObject({ status: 400 });
  expect(await revoke(id, used.body.requestId, "x", system.token("mallory"))).toMatchObject({ status: 403 });
  expect(await system.violations()).toEqual([]);
}, 180_000);

test("a claim that only Redis holds is revoked from its ledger, and never becomes a coupon", async () => {
  const { id } = await system.createSale({ total: 1 });
  await Promise.all(system.consumers.map((process) => process.stop()));
  const { requestId } = (await claim(system.url, id, system.token("early"))).body;
  const waiting = await revoke(id, requestId);
  expect(waiting).toMatchObject({ status: 200, body: { userId: "early", released: false } });
  await system.addConsumers();
  await until("it is released", async () => (await revoke(id, requestId)).body.released);
  await system.settled(id);
  expect(await claim(system.url, id, system.token("next"))).toMatchObject({ status: 202, body: { slot: 1 } });
  expect(await statusOf(requestId, "early")).toMatchObject({ status: "FAILED", reason: "REVOKED" });
  const rows = await system.sql`SELECT status, reason FROM user_coupons WHERE request_id = ${requestId}`;
  expect(rows.map((row) => ({ ...row }))).toEqual([{ status: "REVOKED", reason: "REVOKED" }]);
  await promisesKept(system, id, { winners: 1 });
}, 180_000);

test("a request that a queued sale has not decided is revoked too: it never wins, and the next one does", async () => {
  const { id } = await system.createSale({ total: 1, issueMode: "QUEUED" });
  const ask = (what: string) =>
    call(`${system.url}/admin/coupons/${id}/${what}`, { method: "POST", token: system.operator });
  await ask("pause");
  const refused = await claim(system.url, id, system.token("too-early"));
  expect(refused).toMatchObject({ status: 403, body: { code: "PAUSED" } });
  await Promise.all(system.consumers.splice(0).map((process) => process.stop()));
  await ask("open");
  const first = await until("the first request is logged", async () => {
    const answer = await claim(system.url, id, system.token("first-in-line"));
    return answer.status === 202 && answer.body;
  });
  const second = (await claim(system.url, id, system.token("second-in-line"))).body;
  expect(await revoke(id, first.requestId)).toMatchObject({ body: { userId: "first-in-line", released: false } });
  await system.addConsumers();
  await until("the second one has won", async () => {
    return (await statusOf(second.requestId, "second-in-line")).status === "ISSUED";
  });
  expect(await statusOf(first.requestId, "first-in-line")).toMatchObject({ status: "FAILED", reason: "REVOKED" });
  await promisesKept(system, id, { winners: 1 });
}, 180_000);
