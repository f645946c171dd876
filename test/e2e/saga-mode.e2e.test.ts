import { afterAll, beforeAll, expect, test } from "bun:test";
import { call } from "../support/client.ts";
import { type System, startSystem } from "../support/system.ts";

let system: System;
beforeAll(async () => {
  system = await startSystem("saga_mode", { gateways: 2, consumers: false, gatewayEnv: { ORDER_MODE: "adaptive" } });
}, 180_000);
afterAll(() => system?.close());

const show = (url = system.url, token = system.operator) => call(`${url}/admin/saga`, { token });
const choose = (mode: unknown, token = system.operator) =>
  call(`${system.url}/admin/saga`, { method: "PUT", token, json: { mode } });

test("the environment's mode holds until an operator chooses, for all gateways and with a line in the audit log", async () => {
  expect(await show()).toMatchObject({ status: 200, body: { mode: "adaptive", from: "environment" } });
  for (const mode of ["sequential", 25, "parallel"]) {
    const chosen = { status: 200, body: { mode, from: "operator", changedBy: "operator-1" } };
    expect(await choose(mode)).toMatchObject(chosen);
    for (const { url } of system.gateways) expect(await show(url)).toMatchObject(chosen);
  }
  const lines = await system.sql`SELECT actor, detail FROM audit_log WHERE target = 'saga' ORDER BY id`;
  expect(lines.map(({ actor, detail }) => [actor, detail.to])).toEqual([
    ["operator-1", "sequential"],
    ["operator-1", 25],
    ["operator-1", "parallel"],
  ]);
});

test.each(["fast", 101, -1, 1.5, null, "25"])("%p is no mode, and changes nothing", async (mode) => {
  await choose("adaptive");
  expect(await choose(mode)).toMatchObject({ status: 400, body: { code: "VALIDATION_FAILED" } });
  expect((await show()).body.mode).toBe("adaptive");
});

test("only operators see it and switch it", async () => {
  const user = system.token("ann");
  expect(await show(system.url, user)).toMatchObject({ status: 403, body: { code: "FORBIDDEN" } });
  expect(await choose("parallel", user)).toMatchObject({ status: 403, body: { code: "FORBIDDEN" } });
});
