import { afterAll, beforeAll, expect, test } from "bun:test";
import { call } from "../support/client.ts";
import { type System, startSystem } from "../support/system.ts";

let system: System;
beforeAll(async () => {
  system = await startSystem("quiet-start");
}, 180_000);
afterAll(() => system?.close());

test("consumers that start beside a running Redis do not log that it is away", async () => {
  expect((await call(`${system.url}/health/ready`)).status).toBe(200);
  for (const consumers of system.consumers) expect(consumers.output()).not.toContain("REDIS_UNAVAILABLE");
});
