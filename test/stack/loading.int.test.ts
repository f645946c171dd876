import { afterAll, beforeAll, expect, test } from "bun:test";
import type { StackContext } from "../../stack/service.ts";
import { untilReady } from "../../stack/until-ready.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { until } from "../support/until.ts";

const KEYS = 20_000;
/** Per key, microseconds: a start takes at least eight seconds. */
const DELAY = "400";

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis({ args: ["--key-load-delay", DELAY] });
  const redis = new Bun.RedisClient(server.url);
  await redis.send("CONFIG", ["SET", "appendfsync", "always"]);
  for (let at = 0; at < KEYS; at += 1_000) {
    await Promise.all(Array.from({ length: 1_000 }, (_, i) => redis.set(`key ${at + i}`, "-".repeat(200))));
  }
  redis.close();
}, 60_000);
afterAll(() => server.remove());

/** Only what waiting for a service reads. */
function contextTelling(lines: string[]): StackContext {
  const progress = { begin: (name: string, text: string) => lines.push(`${name} ${text}`), done() {}, failed() {} };
  const layout = { logOf: () => "/nowhere" };
  return { env: { REDIS_URL: server.url }, layout, progress } as unknown as StackContext;
}

test("a Redis that loads its data for longer than a start may take is waited for, and says how far it is", async () => {
  await server.kill();
  const lines: string[] = [];
  const up = server.start();
  const begun = performance.now();
  await untilReady(contextTelling(lines), "redis", { timeoutS: 2, processes: [] });
  expect(performance.now() - begun).toBeGreaterThan(3_000);
  await up;
  expect(lines.length).toBeGreaterThan(0);
  for (const line of lines) expect(line).toMatch(/^redis loading its data, \d+ %$/);
  const redis = new Bun.RedisClient(server.url);
  expect(await redis.send("DBSIZE", [])).toBe(KEYS);
  redis.close();
}, 60_000);

test("one that stands still while it loads is given up, with what it said last", async () => {
  await server.kill();
  const up = server.start();
  const lines: string[] = [];
  const waiting = untilReady(contextTelling(lines), "redis", { timeoutS: 2, processes: [], stallMs: 2_500 });
  waiting.catch(() => {}); // looked at below
  await until("it is loading", () => lines.length > 0);
  server.freeze();
  await expect(waiting).rejects.toThrow(
    /^redis at .* it said "loading its data, \d+ %", and nothing changed for 2.5 s: see/,
  );
  server.thaw();
  await up;
}, 60_000);
