import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { randomUUID } from "node:crypto";
import { orderIdOf } from "../../contracts/orders/ids.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import { type Appended, createInbox, INBOX_TTL_S, type Inbox, type NewMessage } from "../../lua/inbox.ts";
import { gatewayChannel, userKeys } from "../../lua/keys.ts";
import { type RedisConnection, whenReady } from "../../lua/redis.ts";
import { createRoutes, ROUTE_TTL_S, type Routes } from "../../lua/routes.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { letter } from "./inbox-message.ts";
import { connected } from "./sale.ts";

setDefaultTimeout(180_000);

let server: RedisServer;
let redis: RedisConnection;
let inbox: Inbox;
let routes: Routes;

beforeAll(async () => {
  server = await startRedis();
  redis = await connected(server.url);
  inbox = createInbox(redis);
  routes = createRoutes(redis);
});
afterAll(async () => {
  redis?.disconnect();
  await server?.remove();
});

const newUser = () => `u-${randomUUID()}` as UserId;
/** Writes texts, each as a separate event. Returns their cursors. */
async function write(userId: UserId, ...messages: string[]): Promise<string[]> {
  const { written } = await inbox.append(userId, messages.map(letter));
  return written.map((one) => one!.cursor);
}
const tailOf = async (userId: UserId) => (await inbox.read(userId, null, 1_000)).cursor;
const texts = (read: { messages: readonly { json: string }[] }) => read.messages.map(({ json }) => json);

test("messages are read back after a cursor, in order and in portions", async () => {
  const ada = newUser();
  const cursors = await write(ada, "1", "2", "3");
  expect(texts(await inbox.read(ada, null, 10))).toEqual(["1", "2", "3"]);
  const first = await inbox.read(ada, null, 2);
  expect(first).toMatchObject({ lost: false, cursor: cursors[1]! });
  expect(texts(await inbox.read(ada, first.cursor, 2))).toEqual(["3"]);
  expect(await inbox.read(ada, cursors[2]!, 2)).toEqual({ lost: false, messages: [], cursor: cursors[2]! });
  expect(await tailOf(ada)).toBe(cursors[2]!);
  expect(await redis.ttl(userKeys(ada).inbox)).toBeGreaterThan(INBOX_TTL_S - 60);
});

test("the tail of an empty inbox is a cursor from which nothing is missed", async () => {
  const ada = newUser();
  const tail = await tailOf(ada);
  expect(await inbox.read(ada, tail, 10)).toEqual({ lost: false, messages: [], cursor: tail });
  await write(ada, "1");
  expect(texts(await inbox.read(ada, tail, 10))).toEqual(["1"]);
  const empty = newUser();
  const { cursor } = await inbox.read(empty, null, 10);
  await write(empty, "1");
  expect(texts(await inbox.read(empty, cursor, 10))).toEqual(["1"]);
});

test("a cursor whose entry was trimmed, or that is older than the inbox lives, is lost", async () => {
  const ada = newUser();
  const tail = await tailOf(ada);
  const cursors = await write(ada, "0");
  for (let i = 1; i < 600; i++) await write(ada, String(i));
  expect(await redis.xlen(userKeys(ada).inbox)).toBeLessThan(400);
  const newest = await tailOf(ada);
  expect(await inbox.read(ada, cursors[0]!, 10)).toEqual({ lost: true, messages: [], cursor: newest });
  expect((await inbox.read(ada, tail, 10)).lost).toBe(true);
  const [ms, tag] = [Number.parseInt(tail, 10), tail.split(".")[1]];
  const bea = newUser();
  expect((await inbox.read(bea, `${ms - INBOX_TTL_S * 1_000 - 1}-0.${tag}`, 10)).lost).toBe(true);
});

test("text that is no cursor of ours is answered like a lost one", async () => {
  const ada = newUser();
  for (const cursor of ["", "nonsense", "1-1", "0-0.deadbeef", `1-1.${"x".repeat(40)}`, "$.aaaaaaaa"]) {
    expect((await inbox.read(ada, cursor, 10)).lost).toBe(true);
  }
});

test("many users are written in one go; routes and cursors come back in order", async () => {
  const users = Array.from({ length: 150 }, newUser);
  await routes.add(users[3]!, "c1", "g1");
  await routes.add(users[3]!, "c2", "g2");
  const all = (await inbox.appendAll([
    ...users.map((userId, i) => ({ userId, messages: [`first ${i}`, "second | with bars and spaces"].map(letter) })),
    { userId: users[0]!, messages: [letter("third")] },
    { userId: newUser(), messages: [] },
  ])) as Appended[];
  expect(all).toHaveLength(152);
  expect(all[3]!.routes).toEqual(
    new Map([
      ["c1", "g1"],
      ["c2", "g2"],
    ]),
  );
  expect(all[0]!.routes.size).toBe(0);
  expect(all[151]!.written).toEqual([]);
  for (const [i, userId] of users.entries()) {
    const { messages } = await inbox.read(userId, null, 10);
    const [first, second, third] = messages;
    expect(first).toEqual({ json: `first ${i}`, cursor: all[i]!.written[0]!.cursor });
    expect(second).toEqual({ json: "second | with bars and spaces", cursor: all[i]!.written[1]!.cursor });
    expect(third?.json).toBe(i === 0 ? "third" : undefined);
  }
});

test("each message is told which one it follows", async () => {
  const ada = newUser();
  const first = await inbox.append(ada, ["1", "2"].map(letter));
  expect(first.written[0]!.previous).toBe("");
  expect(first.written[1]!.previous).toBe(first.written[0]!.cursor);
  const second = await inbox.append(ada, [letter("3")]);
  expect(second.written[0]!.previous).toBe(first.written[1]!.cursor);
});

test("an event is written once, however often and beside whatever others it is appended", async () => {
  const ada = newUser();
  const [one, two, three] = ["1", "2", "3"].map(letter) as [NewMessage, NewMessage, NewMessage];
  const { written } = await inbox.append(ada, [one, two, one]);
  expect(written[2]).toEqual({ cursor: written[0]!.cursor });
  const again = await inbox.append(ada, [two, three, one]);
  expect(again.written).toEqual([
    { cursor: written[1]!.cursor },
    { cursor: expect.any(String), previous: written[1]!.cursor },
    { cursor: written[0]!.cursor },
  ]);
  expect(texts(await inbox.read(ada, null, 10))).toEqual(["1", "2", "3"]);
  // More of the same day than are looked through for a new message: the repeated event is as old as its first telling.
  await write(ada, ...Array.from({ length: 120 }, (_, i) => `more ${i}`));
  await inbox.append(ada, [one]);
  expect(texts(await inbox.read(ada, null, 200)).filter((text) => text === "1")).toEqual(["1"]);
});

test("a repeat of what the release before wrote, without an event id, is recognized by its text", async () => {
  const ada = newUser();
  await redis.xadd(userKeys(ada).inbox, "*", "m", '{"slot":1}');
  const { written } = await inbox.append(ada, ['{"slot":1}', '{"slot":2}'].map(letter));
  expect(written.map((one) => one!.previous === undefined)).toEqual([true, false]);
  expect(texts(await inbox.read(ada, null, 10))).toEqual(['{"slot":1}', '{"slot":2}']);
});

test("entries begin with the message, where readers of every release look for it", async () => {
  const ada = newUser();
  const order = { orderId: orderIdOf(ada, "key", "{}"), sequence: 6 };
  await inbox.append(ada, [letter("1"), { ...letter("2"), order }]);
  const entries = await redis.xrange(userKeys(ada).inbox, "-", "+");
  expect(entries.map(([, fields]) => fields.slice(0, 2))).toEqual([
    ["m", "1"],
    ["m", "2"],
  ]);
});

test("a stage of an order is not written after a later one", async () => {
  const ada = newUser();
  const [orderId, other] = ["a", "b"].map((key) => orderIdOf(ada, key, "{}"));
  const stage = (id: typeof orderId, sequence: number) => ({
    ...letter(`${id} ${sequence}`),
    order: { orderId: id!, sequence },
  });
  const first = await inbox.append(ada, [stage(orderId, 12), stage(orderId, 6), stage(other, 6)]);
  expect(first.written.map((one) => one !== null)).toEqual([true, false, true]);
  const second = await inbox.append(ada, [stage(orderId, 6), stage(other, 12)]);
  expect(second.written.map((one) => one !== null)).toEqual([false, true]);
  expect(texts(await inbox.read(ada, null, 10))).toEqual([`${orderId} 12`, `${other} 6`, `${other} 12`]);
});

test("a user whose inbox can't be written fails alone", async () => {
  const users = Array.from({ length: 70 }, newUser);
  await redis.set(userKeys(users[30]!).inbox, "not a stream");
  const items = users.map((userId) => ({ userId, messages: [letter("1")] }));
  for (const _ of [1, 2]) {
    const all = await inbox.appendAll(items);
    expect(all.flatMap((one, i) => (one instanceof StampedeError ? [[i, one.code]] : []))).toEqual([[30, "INTERNAL"]]);
  }
  for (const [i, userId] of users.entries()) if (i !== 30) expect(await redis.xlen(userKeys(userId).inbox)).toBe(1);
});

test("a cursor of the future, or of another user, is lost", async () => {
  const [ada, bea] = [newUser(), newUser()];
  const [mine] = await write(ada, "1");
  await new Promise((resolve) => setTimeout(resolve, 5)); // in another millisecond, or both have the same id
  const [theirs] = await write(bea, "1");
  const [ms, tag] = [Number.parseInt(mine!, 10), mine!.split(".")[1]];
  const future = `${ms + 3_600_000}-0.${tag}`;
  for (const cursor of [future, theirs!]) {
    expect((await inbox.read(ada, cursor, 10)).lost).toBe(true);
    expect((await inbox.read(newUser(), cursor, 10)).lost).toBe(true);
  }
  const empty = await tailOf(newUser());
  const emptyInFuture = empty.replace(/^\d+/, (time) => String(Number(time) + 3_600_000));
  expect((await inbox.read(ada, emptyInFuture, 10)).lost).toBe(true);
});

test("a position at a moment lies before what was written since, and not before more", async () => {
  const ada = newUser();
  await write(ada, "before");
  await new Promise((resolve) => setTimeout(resolve, 50));
  const moment = performance.now();
  await new Promise((resolve) => setTimeout(resolve, 20));
  await write(ada, "1", "2");
  expect(texts(await inbox.read(ada, await inbox.positionAt(ada, moment), 10))).toEqual(["1", "2"]);
  const bea = newUser();
  await new Promise((resolve) => setTimeout(resolve, 20));
  await write(bea, "1");
  expect(texts(await inbox.read(bea, await inbox.positionAt(bea, moment), 10))).toEqual(["1"]);
  expect(texts(await inbox.read(newUser(), await inbox.positionAt(ada, moment - 3_600_000), 10))).toEqual([]);
});

test("after a FLUSHALL every older cursor is lost, and what was written since then is brought all the same", async () => {
  const [ada, bea] = [newUser(), newUser()];
  const [cursor] = await write(ada, "1");
  const empty = await tailOf(bea);
  await redis.flushall();
  await new Promise((resolve) => setTimeout(resolve, 5)); // the id of a new message must be another one
  for (const [user, older] of [
    [ada, cursor!],
    [bea, empty],
  ] as const) {
    await write(user, "2");
    const { lost, cursor: next } = await inbox.read(user, older, 10);
    expect(lost).toBe(true);
    expect(texts(await inbox.read(user, next, 10))).toEqual(["2"]);
  }
});

test("a route whose gateway is back by now is not removed, although it was silent when that was decided", async () => {
  const ada = newUser();
  const gateway = `g-${crypto.randomUUID()}`;
  await routes.add(ada, "c1", gateway);
  const subscriber = await connected(server.url);
  await subscriber.subscribe(gatewayChannel(gateway));
  expect(await routes.prune(ada, [["c1", gateway]])).toBe(0);
  await subscriber.unsubscribe(gatewayChannel(gateway));
  expect(await routes.prune(ada, [["c1", gateway]])).toBe(1);
  subscriber.disconnect();
});

test("routes are removed one by one, and by compare", async () => {
  const ada = newUser();
  await routes.add(ada, "c1", "g1");
  await routes.add(ada, "c2", "g1");
  await routes.add(ada, "c3", "g1");
  await routes.remove(ada, "c1");
  await routes.add(ada, "c2", "g2"); // leads elsewhere now
  const stale = [
    ["c2", "g1"],
    ["c3", "g1"],
    ["c9", "g1"],
  ] as const;
  expect(await routes.prune(ada, stale)).toBe(1);
  expect(await redis.hgetall(userKeys(ada).route)).toEqual({ c2: "g2" });
  expect(await routes.prune(ada, [])).toBe(0);
  await redis.expire(userKeys(ada).route, 5);
  await routes.touch(ada);
  expect(await redis.ttl(userKeys(ada).route)).toBeGreaterThan(ROUTE_TTL_S - 60);
});

test("after a restart every older cursor is lost, and new ones work", async () => {
  const ada = newUser();
  const cursors = await write(ada, "1");
  await server.kill();
  await server.start();
  expect(await whenReady(redis, 60_000)).toBe(true);
  const read = await inbox.read(ada, cursors[0]!, 10);
  expect(read.lost).toBe(true);
  await write(ada, "2"); // the script is brought along
  expect(texts(await inbox.read(ada, read.cursor, 10))).toEqual(["2"]);
});

test("an inbox says REDIS_UNAVAILABLE while Redis is away", async () => {
  await server.kill();
  const ada = newUser();
  const tries = [
    inbox.append(ada, [letter("1")]),
    inbox.read(ada, null, 1),
    inbox.positionAt(ada, performance.now()),
    routes.add(ada, "c", "g"),
  ];
  for (const result of await Promise.allSettled(tries)) {
    expect(result.status).toBe("rejected");
    expect((result as PromiseRejectedResult).reason.code).toBe("REDIS_UNAVAILABLE");
  }
});
