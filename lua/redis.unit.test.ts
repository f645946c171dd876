import { expect, test } from "bun:test";
import { StampedeError } from "../contracts/wire/errors.ts";
import { backOff, clusterNodes } from "./redis.ts";
import { isNoScript, redisFailure } from "./redis-failure.ts";

test("a cluster's URL names its nodes, a single server's is left to the client", () => {
  expect(clusterNodes("redis://127.0.0.1:6379")).toBeNull();
  expect(clusterNodes("redis+cluster://a:7000,b:7001,c")).toEqual({
    nodes: [
      { host: "a", port: 7000 },
      { host: "b", port: 7001 },
      { host: "c", port: 6379 },
    ],
    tls: false,
    username: undefined,
    password: undefined,
  });
  expect(clusterNodes("redis+cluster://:p@[::1]:7000,[fe80::2]")?.nodes).toEqual([
    { host: "::1", port: 7000 },
    { host: "fe80::2", port: 6379 },
  ]);
  const secured = clusterNodes("rediss+cluster://ada:p%40ss@a:7000/");
  expect(secured).toMatchObject({ tls: true, username: "ada", password: "p@ss", nodes: [{ host: "a", port: 7000 }] });
  expect(clusterNodes("redis+cluster://:secret@a:7000")).toMatchObject({ username: undefined, password: "secret" });
});

test("the pause between attempts grows to a second and stays there", () => {
  for (let attempt = 1; attempt < 2_000; attempt++) {
    const full = Math.min(1_000, 25 * 2 ** (attempt - 1));
    expect(backOff(attempt)).toBeLessThanOrEqual(full);
    expect(backOff(attempt)).toBeGreaterThanOrEqual(Math.floor(full * 0.75));
  }
});

function named(name: string, message: string): Error {
  return Object.assign(new Error(message), { name });
}
const reply = (message: string) => named("ReplyError", message);

for (const [error, code] of [
  [new Error("Connection is closed."), "REDIS_UNAVAILABLE"],
  [new Error("Stream isn't writeable and enableOfflineQueue options is false"), "REDIS_UNAVAILABLE"],
  [named("MaxRetriesPerRequestError", "Reached the max retries per request limit"), "REDIS_UNAVAILABLE"],
  [reply("LOADING Redis is loading the dataset in memory"), "REDIS_UNAVAILABLE"],
  [reply("CLUSTERDOWN Hash slot not served"), "REDIS_UNAVAILABLE"],
  [reply("READONLY You can't write against a read only replica."), "REDIS_UNAVAILABLE"],
  [reply("MISCONF Redis is configured to save RDB snapshots"), "REDIS_UNAVAILABLE"],
  [reply("OOM command not allowed when used memory > 'maxmemory'."), "OVERLOADED"],
  [reply("WRONGTYPE Operation against a key"), "INTERNAL"],
  [reply("ERR unknown command"), "INTERNAL"],
  [new TypeError("undefined is not a function"), "INTERNAL"],
  ["a string", "INTERNAL"],
] as const) {
  test(`${error} means ${code}`, () => {
    const failure = redisFailure(error);
    expect(failure.code).toBe(code);
    expect(failure.retryable).toBe(true);
  });
}

test("our own error stays what it is, and only NOSCRIPT is a missing script", () => {
  const own = new StampedeError("INTERNAL");
  expect(redisFailure(own)).toBe(own);
  expect(isNoScript(reply("NOSCRIPT No matching script. Please use EVAL."))).toBe(true);
  expect(isNoScript(reply("ERR NOSCRIPT"))).toBe(false);
});
