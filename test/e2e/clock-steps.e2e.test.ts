import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { call, claim } from "../support/client.ts";
import { startConsumers } from "../support/processes.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

const CLOCK = join(import.meta.dir, "..", "support", "skewed-clock.mjs");
/** Of a process whose wall clock can be set. */
const skewed = (offsetMs = 0) => ({
  BUN_OPTIONS: `--preload ${CLOCK}`,
  NODE_OPTIONS: `--import ${CLOCK}`,
  CLOCK_OFFSET_MS: String(offsetMs),
});

let system: System;
beforeAll(async () => {
  system = await startSystem("clock-steps");
}, 180_000);
afterAll(() => system?.close());

test("a gateway whose clock goes back by an hour refuses no user for it, and hears that a slot is free", async () => {
  // As much as one user may do in this test; by the wall clock, none for the next hour.
  const gateway = await system.addGateway({ ...skewed(), USER_RATE_PER_S: "10", USER_RATE_BURST: "5" });
  const { id } = await system.createSale({ total: 1 });
  const winner = await claim(gateway.url, id, system.token("winner"));
  expect(winner.status).toBe(202);
  await system.settled(id);
  const isSoldOut = async () => (await claim(gateway.url, id, system.token("loser"))).body.code === "SOLD_OUT";
  await until("the loser is refused", isSoldOut);
  const healthBefore = await call(`${gateway.url}/health/ready`);
  expect(healthBefore.status).toBe(200);

  gateway.kill("SIGUSR2");
  const coupons = await call(`${gateway.url}/coupons/${id}`);
  expect(coupons.status).toBe(200);
  for (const user of ["winner", "loser"]) {
    const answers = [];
    for (let i = 0; i < 3; i++) {
      answers.push((await claim(gateway.url, id, system.token(user))).body.code);
      await Bun.sleep(150);
    }
    expect(answers).not.toContain("RATE_LIMITED");
  }
  // This gateway is not told: what it remembers of the sale has to run out.
  await system.redis.call("CLIENT", "KILL", "TYPE", "pubsub");
  const revoked = await call(`${system.url}/admin/coupons/${id}/revoke`, {
    token: system.operator,
    json: { requestId: winner.body.requestId, why: "a test" },
  });
  expect(revoked.body).toMatchObject({ released: true });
  await until("the slot goes out", async () => {
    const { status } = await claim(gateway.url, id, system.token("next"));
    await Bun.sleep(200);
    return status === 202 || status === 200;
  });
}, 120_000);

test("a process with a clock before 2025 does not start, and says why", async () => {
  const never = skewed(Date.UTC(1970, 0, 2) - Date.now());
  const why = /This machine's clock shows 1970-01-0\dT.* before 2025\. Set it/;
  await expect(system.addGateway(never)).rejects.toThrow(why);
  await expect(startConsumers(["notify"], never)).rejects.toThrow(why);
});
