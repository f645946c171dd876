import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { randomUUID } from "node:crypto";
import type { UserId } from "../../contracts/ids.ts";
import { createInbox, INBOX_TTL_S, type Inbox } from "../../lua/inbox.ts";
import { userKeys } from "../../lua/keys.ts";
import { type RedisConnection, whenReady } from "../../lua/redis.ts";
import { createRoutes, ROUTE_TTL_S, type Routes } from "../../lua/routes.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
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
const texts = (read: { messages: readonly { json: string }[] }) => read.messages.map(({ json }) => json);

test("messages are read back after a cursor, in order and in portions", async () => {
  const ada = newUser();
  const { cursors } = await inbox.append(ada, ["1", "2", "3"]);
  expect(texts(await inbox.read(ada, null, 10))).toEqual(["1", "2", "3"]);
  const first = await inbox.read(ada, null, 2);
  expect(first).toMatchObject({ lost: false, cursor: cursors[1]! });
  expect(texts(await inbox.read(ada, first.cursor, 2))).toEqual(["3"]);
  expect(await inbox.read(ada, cursors[2]!, 2)).toEqual({ lost: false, messages: [], cursor: cursors[2]! });
  expect(await inbox.tail(ada)).toBe(cursors[2]!);
  expect(await redis.ttl(userKeys(ada).inbox)).toBeGreaterThan(INBOX_TTL_S - 60);
});

test("the tail of an empty inbox is a cursor from which nothing is missed", async () => {
  const ada = newUser();
  const tail = await inbox.tail(ada);
  expect(await inbox.read(ada, tail, 10)).toEqual({ lost: false, messages: [], cursor: tail });
  await inbox.append(ada, ["1"]);
  expect(texts(await inbox.read(ada, tail, 10))).toEqual(["1"]);
  const empty = newUser();
  const { cursor } = await inbox.read(empty, null, 10);
  await inbox.append(empty, ["1"]);
  expect(texts(await inbox.read(empty, cursor, 10))).toEqual(["1"]);
});

test("a cursor whose entry was trimmed, or that is older than the inbox lives, is lost", async () => {
  const ada = newUser();
  const tail = await inbox.tail(ada);
  const { cursors } = await inbox.append(ada, ["0"]);
  for (let i = 1; i < 600; i++) await inbox.append(ada, [String(i)]);
  expect(await redis.xlen(userKeys(ada).inbox)).toBeLessThan(400);
  const newest = await inbox.tail(ada);
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
  const all = await inbox.appendAll([
    ...users.map((userId, i) => ({ userId, messages: [`first ${i}`, "second | with bars and spaces"] })),
    { userId: users[0]!, messages: ["third"] },
    { userId: newUser(), messages: [] },
  ]);
  expect(all).toHaveLength(152);
  expect(all[3]!.routes).toEqual(
    new Map([
      ["c1", "g1"],
      ["c2", "g2"],
    ]),
  );
  expect(all[0]!.routes.size).toBe(0);
  expect(all[151]!.cursors).toEqual([]);
  for (const [i, userId] of users.entries()) {
    const { messages } = await inbox.read(userId, null, 10);
    const [first, second, third] = messages;
    expect(first).toEqual({ json: `first ${i}`, cursor: all[i]!.cursors[0]! });
    expect(second).toEqual({ json: "second | with bars and spaces", cursor: all[i]!.cursors[1]! });
    expect(third?.json).toBe(i === 0 ? "third" : undefined);
  }
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
  const { cursors } = await inbox.append(ada, ["1"]);
  await server.kill();
  await server.start();
  expect(await whenReady(redis, 60_000)).toBe(true);
  const read = await inbox.read(ada, cursors[0]!, 10);
  expect(read.lost).toBe(true);
  await inbox.append(ada, ["2"]); // the script is brought along
  expect(texts(await inbox.read(ada, read.cursor, 10))).toEqual(["2"]);
});

test("an inbox says REDIS_UNAVAILABLE while Redis is away", async () => {
  await server.kill();
  const ada = newUser();
  const tries = [inbox.append(ada, ["1"]), inbox.read(ada, null, 1), inbox.tail(ada), routes.add(ada, "c", "g")];
  for (const result of await Promise.allSettled(tries)) {
    expect(result.status).toBe("rejected");
    expect((result as PromiseRejectedResult).reason.code).toBe("REDIS_UNAVAILABLE");
  }
});
