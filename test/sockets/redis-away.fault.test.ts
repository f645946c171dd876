import { afterEach, beforeEach, expect, test } from "bun:test";
import { Redis } from "ioredis";
import type { CouponId, RequestId } from "../../contracts/wire/ids.ts";
import { letter } from "../lua/inbox-message.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { until } from "../support/until.ts";
import { Client } from "./client.ts";
import { startTestRoom, type TestRoom, tokenFor } from "./room-under-test.ts";

let redis: RedisServer;
let under: TestRoom;
const own = { couponId: "c".repeat(12) as CouponId, requestId: "r" as RequestId, slot: 5, status: "ACTIVE" };
const issued = (slot: number) => ({ type: "coupon.issued", slot });

beforeEach(async () => {
  redis = await startRedis();
  under = await startTestRoom(redis.url, { listCoupons: async () => ({ items: [own], nextCursor: null }) });
});
afterEach(async () => {
  await under.stop();
  await redis.remove();
});

test("pushes lost with the subscription are brought without a reconnect", async () => {
  const client = await Client.signedIn(under.port, tokenFor("u"));
  await client.ask({ type: "ping" }, "pong");
  const direct = new Redis(redis.url);
  // Role notify wrote the inbox, and its push found no listener.
  await under.inbox.append("u" as never, [letter(JSON.stringify(issued(1)))]);
  expect(await direct.call("CLIENT", "KILL", "TYPE", "pubsub")).toBe(1);
  expect((await client.next("coupon.issued")).slot).toBe(1);
  await under.tell("u", issued(2));
  expect((await client.next("coupon.issued")).slot).toBe(2);
  direct.disconnect();
}, 180_000);

test("a route that was taken for dead stands again after the subscription is back", async () => {
  const client = await Client.signedIn(under.port, tokenFor("pruned"));
  await client.ask({ type: "ping" }, "pong");
  const direct = new Redis(redis.url);
  await direct.del("{u:pruned}:route");
  await direct.call("CLIENT", "KILL", "TYPE", "pubsub");
  await until("it stands again", async () => (await direct.exists("{u:pruned}:route")) === 1);
  await under.tell("pruned", issued(1));
  expect((await client.next("coupon.issued")).slot).toBe(1);
  direct.disconnect();
}, 180_000);

test("after a Redis restart sockets stay, get the state from PostgreSQL, and live pushes go on", async () => {
  const client = await Client.signedIn(under.port, tokenFor("u"));
  await client.ask({ type: "ping" }, "pong");
  await redis.kill();
  expect((await client.ask({ type: "resume" }, "error")).code).toBe("REDIS_UNAVAILABLE");
  await redis.start();
  expect(await client.next("resync")).toMatchObject({ coupons: [own] });
  await under.tell("u", issued(6));
  expect((await client.next("coupon.issued")).slot).toBe(6);
}, 180_000);

test("users whose keys are broken do not keep other users from being caught up, nor a flush from being noticed", async () => {
  const direct = new Redis(redis.url);
  const broken = Array.from({ length: 40 }, (_, i) => `broken-${i}`);
  for (const user of broken) await direct.set(`{u:${user}}:route`, "no hash");
  const clients = await Promise.all(
    broken.map((user) => Client.open(under.port, { authorization: `Bearer ${tokenFor(user)}` })),
  );
  for (const client of clients) expect((await client.next("error")).code).toBe("INTERNAL");
  const client = await Client.signedIn(under.port, tokenFor("whole"));
  await client.ask({ type: "ping" }, "pong");
  await under.inbox.append("whole" as never, [letter(JSON.stringify(issued(1)))]); // its push was lost
  await under.tell("whole", issued(2));
  await client.until("both", () => client.slots().length === 2);
  await direct.del("{u:whole}:route");
  await under.tell("whole", issued(3)); // no route: nothing is pushed
  await client.until("the third", () => client.slots().length === 3);
  direct.disconnect();
}, 180_000);

test("who signs in while Redis is away is told so, may use the socket, and is welcomed when it is back", async () => {
  await redis.kill();
  const client = await Client.open(under.port, { authorization: `Bearer ${tokenFor("early")}` });
  expect(await client.next("error")).toMatchObject({ code: "REDIS_UNAVAILABLE", retryable: true });
  expect((await client.ask({ type: "ping" }, "pong")).type).toBe("pong");
  await redis.start();
  expect((await client.next("welcome")).userId).toBe("early");
  await under.tell("early", issued(1));
  expect((await client.next("coupon.issued")).slot).toBe(1);
}, 180_000);

test("what is written between signing in and a late welcome follows the welcome", async () => {
  await redis.kill();
  const client = await Client.open(under.port, { authorization: `Bearer ${tokenFor("late")}` });
  await client.next("error");
  await redis.start();
  let told: readonly string[] = [];
  await until("the inbox answers", async () => {
    told = await under.tell("late", issued(2));
    return true;
  });
  const { cursor } = await client.next("welcome");
  const message = await client.next("coupon.issued");
  expect(message).toEqual({ ...issued(2), cursor: told[0]! });
  expect(Number.parseInt(String(cursor), 10)).toBeLessThan(Number.parseInt(told[0]!, 10));
  client.close();
}, 180_000);

test("routes that Redis forgot without breaking a connection stand again by themselves, and what was missed is brought", async () => {
  const client = await Client.signedIn(under.port, tokenFor("flushed"));
  await client.ask({ type: "ping" }, "pong");
  await under.tell("flushed", issued(1));
  await client.next("coupon.issued");
  const direct = new Redis(redis.url);
  await direct.flushall();
  // Role notify writes the inbox and finds no route to push to.
  await under.tell("flushed", issued(2));
  expect((await client.next("coupon.issued")).slot).toBe(2);
  await under.tell("flushed", issued(3));
  expect((await client.next("coupon.issued")).slot).toBe(3);
  direct.disconnect();
}, 180_000);
