import { afterAll, beforeAll, expect, test } from "bun:test";
import { newCouponId } from "../../contracts/wire/ids.ts";
import { CLOSE } from "../../contracts/wire/socket-messages.ts";
import { OP, RawWebSocket } from "../contracts/transport/raw-websocket.ts";
import { until } from "../contracts/transport/server.ts";
import { letter } from "../lua/inbox-message.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { Client } from "./client.ts";
import { startTestRoom, type TestRoom, tokenFor } from "./room-under-test.ts";

let redis: RedisServer;
let under: TestRoom;

beforeAll(async () => {
  redis = await startRedis();
  under = await startTestRoom(redis.url, {}, { socketsPerUser: 2, subscriptions: 3 });
});
afterAll(async () => {
  await under.stop();
  await redis.remove();
});

test("malformed messages are answered one by one and the socket stays open", async () => {
  const client = await Client.signedIn(under.port, tokenFor("sloppy"));
  for (const bad of ["", "{", "[]", "null", '{"type":7}', '{"type":"claim"}', '{"type":"nonsense"}', '"ping"']) {
    expect((await client.ask(bad, "error")).code).toBe("MESSAGE_INVALID");
  }
  expect((await client.ask({ type: "ping", ref: "ok" }, "pong")).ref).toBe("ok");
  client.close();
});

test("a binary frame is an error and closes with 1003", async () => {
  const client = await Client.signedIn(under.port, tokenFor("binary"));
  client.ws.send(new Uint8Array([1, 2, 3]));
  expect((await client.next("error")).code).toBe("MESSAGE_INVALID");
  expect(await client.closed()).toBe(CLOSE.UNSUPPORTED_DATA);
});

test("a giant message closes with 1009", async () => {
  const client = await Client.signedIn(under.port, tokenFor("giant"));
  client.send({ type: "ping", pad: "x".repeat(20_000) });
  expect(await client.closed()).toBe(CLOSE.TOO_BIG);
});

test("a burst over the rate is refused message by message; who goes on is closed with 1008", async () => {
  const client = await Client.signedIn(under.port, tokenFor("burst"));
  for (let i = 0; i < 130; i++) client.send({ type: "ping" });
  await client.until("all answers", () => client.received.length === 130);
  const refused = client.received.filter((m) => m.code === "RATE_LIMITED").length;
  // Of those beyond the burst of 100 the bucket lets some pass, the more the longer the server takes.
  expect(refused).toBeGreaterThanOrEqual(1);
  expect(refused).toBeLessThanOrEqual(30);
  expect(client.closeCode).toBeUndefined();
  for (let i = 0; i < 300; i++) client.send({ type: "ping" });
  expect(await client.closed()).toBe(CLOSE.POLICY);
});

test("unauthenticated sockets are limited in the same way", async () => {
  const client = await Client.open(under.port);
  for (let i = 0; i < 300; i++) client.send("{");
  expect(await client.closed()).toBe(CLOSE.POLICY);
});

test("a user may have so many sockets, one more is closed with 4029, and one that goes makes room", async () => {
  const token = tokenFor("collector");
  const [first, second] = [await Client.signedIn(under.port, token), await Client.signedIn(under.port, token)];
  const third = await Client.open(under.port, { authorization: `Bearer ${token}` });
  expect((await third.next("error")).code).toBe("TOO_MANY_SOCKETS");
  expect(await third.closed()).toBe(CLOSE.TOO_MANY_SOCKETS);
  const before = under.room.size();
  first.close();
  await until("one is gone", () => under.room.size() === before - 1);
  const fourth = await Client.signedIn(under.port, token);
  second.close();
  fourth.close();
});

test("an address may have so many sockets", async () => {
  const narrow = await startTestRoom(redis.url, {}, { socketsPerAddress: 3 });
  const three = [await Client.open(narrow.port), await Client.open(narrow.port), await Client.open(narrow.port)];
  const fourth = await Client.open(narrow.port);
  expect(await fourth.closed()).toBe(CLOSE.TOO_MANY_SOCKETS);
  three[0]!.close();
  await until("one is gone", () => narrow.room.size() === 2);
  const fifth = await Client.signedIn(narrow.port, tokenFor("fifth"));
  for (const client of [...three, fifth]) client.close();
  await narrow.stop();
});

test("a socket may follow so many sales", async () => {
  const client = await Client.signedIn(under.port, tokenFor("follower"));
  const sales = [newCouponId(), newCouponId(), newCouponId(), newCouponId()];
  for (const couponId of [...sales.slice(0, 3), sales[0]])
    await client.ask({ type: "subscribe", couponId }, "subscribed");
  expect((await client.ask({ type: "subscribe", couponId: sales[3] }, "error")).code).toBe("RATE_LIMITED");
  // A claim does not need to follow the sale.
  await client.ask({ type: "claim", couponId: sales[3] }, "claim.refused");
  client.close();
});

test("a protocol violation costs that socket only", async () => {
  const good = await Client.signedIn(under.port, tokenFor("good"));
  const before = under.room.size();
  const bad = await RawWebSocket.open(under.port, "/ws", { authorization: `Bearer ${tokenFor("bad")}` });
  await until("it is open", () => under.room.size() === before + 1);
  bad.send(OP.text, Buffer.from([0xff, 0xfe]));
  await until("it is gone", () => under.room.size() === before);
  expect((await good.ask({ type: "ping" }, "pong")).type).toBe("pong");
  good.close();
});

test("a shutdown closes every socket with 4000, takes their routes away and opens no new socket", async () => {
  const leaving = await startTestRoom(redis.url, {}, { socketsPerUser: 1000 });
  const clients = await Promise.all(
    Array.from({ length: 500 }, () => Client.signedIn(leaving.port, tokenFor("everybody"))),
  );
  await leaving.room.closeAll();
  expect(leaving.room.size()).toBe(0);
  expect(new Set(await Promise.all(clients.map((client) => client.closed())))).toEqual(new Set([CLOSE.RECONNECT]));
  await expect(Client.open(leaving.port)).rejects.toThrow();
  expect((await leaving.inbox.append("everybody" as never, [letter("{}")])).routes.size).toBe(0);
  await leaving.stop();
});
