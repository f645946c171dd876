import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { createRedis, createSubscriber, onEveryConnect, type RedisConnection, whenReady } from "../../lua/redis.ts";
import { createSaleScripts } from "../../lua/sale-scripts.ts";
import { freePort } from "../support/free-port.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { until } from "../support/until.ts";
import { claimsOf, connected, loadedSale } from "./sale.ts";

setDefaultTimeout(180_000);

let server: RedisServer;
const open: RedisConnection[] = [];
const keep = (redis: RedisConnection) => {
  open.push(redis);
  return redis;
};

beforeEach(async () => {
  server = await startRedis();
});
afterEach(async () => {
  for (const redis of open.splice(0)) redis.disconnect();
  server.thaw();
  await server.remove();
});

/** How a promise failed, and after how long. */
async function failure(promise: Promise<unknown>) {
  const begun = performance.now();
  const error = await promise.then(
    () => undefined,
    (reason: { code?: string; retryable?: boolean }) => reason,
  );
  return { code: error?.code, retryable: error?.retryable, ms: performance.now() - begun };
}

test("commands fail at once while Redis is away, and work again when it is back", async () => {
  const redis = keep(await connected(server.url));
  const couponId = await loadedSale(redis);
  const scripts = createSaleScripts(redis);
  await scripts.claim(couponId, claimsOf(couponId, "ada"));
  await server.kill();
  const times: number[] = [];
  for (let i = 0; i < 20; i++) {
    const failed = await failure(scripts.claim(couponId, claimsOf(couponId, "bea")));
    expect(failed).toMatchObject({ code: "REDIS_UNAVAILABLE", retryable: true });
    times.push(failed.ms);
    await Bun.sleep(20);
  }
  expect(times.sort((a, b) => a - b)[10]).toBeLessThan(500); // waiting for a command's time-out would take a second
  await server.start();
  expect(await whenReady(redis, 60_000)).toBe(true);
  expect((await scripts.claim(couponId, claimsOf(couponId, "bea"))).results[0]!.code).toBe("NOT_LOADED");
});

test("a process may start before Redis does", async () => {
  const port = freePort();
  const messages: string[] = [];
  const redis = keep(
    createRedis(`redis://127.0.0.1:${port}`, { log: (level, text) => messages.push(`${level} ${text}`) }),
  );
  const subscriber = keep(createSubscriber(`redis://127.0.0.1:${port}`));
  const heard: string[] = [];
  subscriber.on("message", (_, text: string) => heard.push(text));
  const subscribed = subscriber.subscribe("news");
  expect(await whenReady(redis, 300)).toBe(false);
  expect(messages.filter((text) => text.startsWith("warn")).length).toBeLessThan(20);
  const late = await startRedis({ port });
  try {
    expect(await whenReady(redis, 60_000)).toBe(true);
    await subscribed;
    await redis.publish("news", "hello");
    await until("it is heard", () => heard.length > 0);
    expect(heard).toEqual(["hello"]);
    expect(messages.at(-1)).toBe("info Redis: connected");
  } finally {
    await late.remove();
  }
});

test("a frozen Redis is noticed within about a second, by commands under way and by later ones", async () => {
  const redis = keep(await connected(server.url, {}));
  const couponId = await loadedSale(redis);
  const scripts = createSaleScripts(redis);
  await scripts.claim(couponId, claimsOf(couponId, "ada"));
  server.freeze();
  const failed = await failure(scripts.claim(couponId, claimsOf(couponId, "bea")));
  expect(failed).toMatchObject({ code: "REDIS_UNAVAILABLE", retryable: true });
  expect(failed.ms).toBeLessThan(20_000);
  expect((await failure(scripts.claim(couponId, claimsOf(couponId, "cem")))).ms).toBeLessThan(20_000);
  await Bun.sleep(1_500); // the handshake of the next connection hangs too
  server.thaw();
  expect(await whenReady(redis, 60_000)).toBe(true);
  // The claim that hung was decided when the server woke up, or its connection was cut before: both are "unknown".
  const [bea] = (await scripts.claim(couponId, claimsOf(couponId, "bea"))).results;
  expect(["ACCEPTED", "ALREADY_WON"]).toContain(bea!.code);
});

test("a subscriber hears again after a restart, and hooks run at every connect", async () => {
  const redis = keep(await connected(server.url));
  const subscriber = keep(createSubscriber(server.url));
  await whenReady(subscriber, 60_000);
  let connects = 0;
  const stop = onEveryConnect(redis, () => {
    connects++;
  });
  expect(connects).toBe(1);
  const heard: string[] = [];
  subscriber.on("message", (_, text: string) => heard.push(text));
  await subscriber.subscribe("news");
  await server.kill();
  await server.start();
  expect(await whenReady(redis, 60_000)).toBe(true);
  expect(await whenReady(subscriber, 60_000)).toBe(true);
  expect(connects).toBe(2);
  for (let i = 0; i < 1_000 && heard.length === 0; i++) {
    await redis.publish("news", "again");
    await Bun.sleep(20);
  }
  expect(heard[0]).toBe("again");
  stop();
});

test("a frozen Redis is noticed by a subscriber that only listens", async () => {
  const subscriber = keep(createSubscriber(server.url, { silenceMs: 300 }));
  await whenReady(subscriber, 60_000);
  await subscriber.subscribe("news");
  const closed = new Promise((resolve) => subscriber.once("close", resolve));
  server.freeze();
  await closed; // within a ping and the silence; else the test times out
});
