import { afterAll, beforeAll, expect, test } from "bun:test";
import { CLOSE } from "../../contracts/wire/socket-messages.ts";
import { claim } from "../support/client.ts";
import { historyKept } from "../support/promises-kept.ts";
import { TestSocket } from "../support/socket.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

let system: System;
beforeAll(async () => {
  system = await startSystem("sockets", { gateways: 2, gatewayEnv: { AUTH_TIMEOUT_S: "30" } });
}, 180_000);
afterAll(() => system?.close());

const at = (gateway: number) => system.gateways[gateway]!.url;
const enter = (user: string, gateway = 0) => TestSocket.welcomed(at(gateway), system.token(user));

test("a socket is authenticated by the upgrade's header or by its first message", async () => {
  const byHeader = await enter("ann");
  expect(byHeader.heard[0]).toMatchObject({ type: "welcome", userId: "ann" });
  const byMessage = await TestSocket.open(at(0));
  byMessage.send({ type: "claim", couponId: "whatever", ref: "too early" });
  byMessage.send({ type: "auth", token: system.token("bob") });
  expect(await byMessage.hears("welcome")).toMatchObject({ userId: "bob" });
  expect(byMessage.all("error")).toMatchObject([{ code: "UNAUTHENTICATED", ref: "too early" }]);
  byMessage.send({ type: "ping", ref: "still there" });
  expect(await byMessage.hears("pong")).toMatchObject({ ref: "still there" });
  for (const socket of [byHeader, byMessage]) socket.close();
});

test("who does not authenticate in time, or with a token that is refused, is sent away", async () => {
  const impatient = await system.addGateway({ AUTH_TIMEOUT_S: "1" });
  const silent = await TestSocket.open(impatient.url);
  const forger = await TestSocket.open(at(0));
  forger.send({ type: "auth", token: system.token("ann", { secret: "somebody else's secret" }) });
  expect(await forger.closed()).toBe(CLOSE.UNAUTHENTICATED);
  expect(forger.all("error")).toMatchObject([{ code: "TOKEN_INVALID" }]);
  expect(await silent.closed()).toBe(CLOSE.AUTH_TIMEOUT);
  expect(silent.all("error")).toMatchObject([{ code: "AUTH_TIMEOUT" }]);
  const refused = TestSocket.open(at(0), system.token("ann", { expiresInS: -60 }));
  expect(refused).rejects.toThrow("refused");
});

test("a socket whose token expires is closed, unless it brings a fresh one", async () => {
  const brief = () => TestSocket.welcomed(at(0), system.token("ann", { expiresInS: 5 }));
  const [leaving, staying] = [await brief(), await brief()];
  staying.send({ type: "auth", token: system.token("ann") });
  expect(await leaving.closed()).toBe(CLOSE.UNAUTHENTICATED);
  expect(leaving.all("error")).toMatchObject([{ code: "TOKEN_EXPIRED" }]);
  staying.send({ type: "ping" });
  await staying.hears("pong");
  staying.close();
});

test("a claim over the socket is answered there as HTTP would, and coupon.issued follows with a cursor", async () => {
  const { id: couponId } = await system.createSale({ total: 2 });
  const socket = await enter("carol");
  socket.send({ type: "claim", couponId, ref: "1" });
  const accepted = await socket.hears("claim.accepted");
  expect(accepted).toMatchObject({ ref: "1", couponId, slot: 1, status: "ACCEPTED" });
  const issued = await socket.hears("coupon.issued");
  expect(issued).toMatchObject({ couponId, requestId: accepted.requestId, slot: 1 });
  expect(issued.cursor).toMatch(/^\d+-\d+\./);

  socket.send({ type: "claim", couponId, ref: "2" });
  expect(await socket.hears("claim.accepted", 2)).toMatchObject({
    ref: "2",
    requestId: accepted.requestId,
    repeat: true,
  });
  socket.send({ type: "claim", couponId: "000000000000", ref: "3" });
  expect(await socket.hears("claim.refused")).toMatchObject({ ref: "3", code: "COUPON_NOT_FOUND", status: 404 });
  expect(await claim(at(1), couponId, system.token("carol"))).toMatchObject({
    status: 200,
    body: { requestId: accepted.requestId, repeat: true },
  });
  socket.close();
});

test("every socket that follows a sale hears that it is sold out, on every gateway, once", async () => {
  const { id: couponId } = await system.createSale({ total: 1 });
  const crowd = await Promise.all(Array.from({ length: 20 }, (_, i) => enter(`fan-${i}`, i % 2)));
  for (const socket of crowd) socket.send({ type: "subscribe", couponId, ref: "s" });
  await Promise.all(crowd.map((socket) => socket.hears("subscribed")));
  const stranger = await enter("stranger");
  expect(await claim(at(0), couponId, system.token("quick"))).toMatchObject({ status: 202 });
  await Promise.all(crowd.map((socket) => socket.hears("sale.soldout")));
  const late = await enter("late", 1);
  late.send({ type: "subscribe", couponId });
  expect(await late.hears("sale.soldout")).toEqual({ type: "sale.soldout", couponId: couponId as never });
  for (const socket of crowd) expect(socket.all("sale.soldout")).toHaveLength(1);
  expect(stranger.all("sale.soldout")).toEqual([]);
  for (const socket of [...crowd, stranger, late]) socket.close();
});

test("a pause and its end reach those who follow the sale", async () => {
  const { id: couponId } = await system.createSale({ total: 1 });
  const socket = await enter("patient", 1);
  socket.send({ type: "subscribe", couponId });
  await socket.hears("subscribed");
  for (const action of ["pause", "open"]) {
    const headers = { authorization: `Bearer ${system.operator}` };
    await fetch(`${at(0)}/admin/coupons/${couponId}/${action}`, { method: "POST", headers });
  }
  expect(await socket.hears("sale.opened")).toMatchObject({ couponId });
  socket.close();
});

test("two sockets of one user on two gateways are both told", async () => {
  const { id: couponId } = await system.createSale({ total: 1 });
  const sockets = [await enter("twice", 0), await enter("twice", 1)];
  await claim(at(0), couponId, system.token("twice"));
  const [here, there] = await Promise.all(sockets.map((socket) => socket.hears("coupon.issued")));
  expect(here).toEqual(there!);
  for (const socket of sockets) socket.close();
});

test("what happened while no socket was open comes with resume; without a cursor, everything", async () => {
  const first = await enter("traveller");
  const cursor = first.cursor();
  first.close();
  const won: string[] = [];
  for (let i = 0; i < 3; i++) {
    const { id } = await system.createSale({ total: 1 });
    const { body } = await claim(at(i % 2), id, system.token("traveller"));
    await system.settled(id);
    won.push(body.requestId);
  }
  const requests = (socket: TestSocket) => socket.all("coupon.issued").map(({ requestId }) => String(requestId));
  await until("all news is in the inbox", async () => (await system.redis.xlen("{u:traveller}:inbox")) === 3);

  const again = await enter("traveller", 1);
  again.send({ type: "resume", cursor });
  expect(await again.hears("resumed")).toMatchObject({ messages: 3 });
  expect(requests(again)).toEqual(won);
  const middle = again.all("coupon.issued")[1]!.cursor;
  again.send({ type: "resume", cursor: middle });
  expect(await again.hears("resumed", 2)).toMatchObject({ messages: 1 });
  expect(requests(again)).toEqual([...won, won[2]!]);
  again.close();

  const fresh = await enter("traveller");
  fresh.send({ type: "resume" });
  await fresh.hears("resumed");
  expect(requests(fresh)).toEqual(won);
  fresh.close();
});

test("a cursor of an inbox that Redis lost is answered resync, with coupons and orders from PostgreSQL", async () => {
  const socket = await enter("forgotten");
  const { id: couponId } = await system.createSale({ total: 1 });
  const { body } = await claim(at(0), couponId, system.token("forgotten"));
  const { cursor } = await socket.hears("coupon.issued");
  socket.close();
  await system.redis.del("{u:forgotten}:inbox");
  const again = await enter("forgotten", 1);
  again.send({ type: "resume", cursor: cursor.replace(/\..*/, ".00000000") });
  const { coupons, orders } = await again.hears("resync");
  expect(orders).toEqual([]);
  expect(coupons).toMatchObject([{ couponId, requestId: body.requestId, slot: 1, status: "ACTIVE" }]);
  again.close();
});

test("a user who changes gateways while they are told misses nothing and hears nothing twice", async () => {
  const COUPONS = 30;
  const sales = await Promise.all(Array.from({ length: COUPONS }, () => system.createSale({ total: 1 })));
  const token = system.token("restless");
  const heard: string[] = [];
  let cursor: string | undefined;
  let moving = true;
  const take = (socket: TestSocket) => {
    heard.push(...socket.all("coupon.issued").map(({ requestId }) => String(requestId)));
    cursor = socket.cursor(cursor);
  };
  const move = async () => {
    const deadline = performance.now() + 60_000;
    for (let turn = 0; moving || heard.length < COUPONS; turn++) {
      if (performance.now() > deadline) throw new Error(`Waited in vain: heard ${heard.length} of ${COUPONS}`);
      const socket = await TestSocket.open(at(turn % 2), token);
      // As a client does that comes back: resume first, with the last cursor it saw.
      socket.send({ type: "resume", ...(cursor === undefined ? {} : { cursor }) });
      await Bun.sleep(Math.random() * 40);
      socket.close();
      await socket.closed();
      take(socket);
    }
  };
  const moves = move();
  const won: string[] = [];
  for (const [i, { id }] of sales.entries()) {
    const { body } = await claim(at(i % 2), id, token);
    won.push(body.requestId);
    await Bun.sleep(20);
  }
  moving = false;
  await moves;
  expect(heard.toSorted()).toEqual(won.toSorted());
}, 180_000);

test("more sockets of one user than allowed are refused with a specific code", async () => {
  const sockets = await Promise.all(Array.from({ length: 10 }, () => enter("greedy")));
  const eleventh = await TestSocket.open(at(0), system.token("greedy"));
  expect(await eleventh.closed()).toBe(CLOSE.TOO_MANY_SOCKETS);
  expect(eleventh.all("error")).toMatchObject([{ code: "TOO_MANY_SOCKETS" }]);
  sockets[0]!.close();
  await sockets[0]!.closed();
  sockets[0] = await enter("greedy");
  for (const socket of sockets) socket.close();
});

test("in the end nothing is left to tell, and every message agrees with what is stored", async () => {
  const sales = await system.sql`
    SELECT coupon_id AS id, count(*)::int AS winners FROM user_coupons GROUP BY coupon_id`;
  expect(sales.length).toBeGreaterThan(30);
  for (const { id } of sales) await system.settled(id);
  expect(await system.violations()).toEqual([]);
  for (const { id, winners } of sales) await historyKept(system, id, { winners });
});
