import { afterAll, beforeAll, expect, test } from "bun:test";
import type { TestProcess } from "../support/processes.ts";
import { promisesKept } from "../support/promises-kept.ts";
import { lastWords, named, rush } from "../support/rush.ts";
import { TestSocket } from "../support/socket.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

let system: System;
beforeAll(async () => {
  // The broker notices after its session that a member was killed; this is the shortest it accepts.
  const consumersEnv = { KAFKA_PROPERTIES: "session.timeout.ms=6000" };
  // Those who persist come and go. Without the relay at first, so that no other role does their work.
  // No record runs out of time while a machine stands still: there is no relay to make up for it.
  const gatewayEnv = { MESSAGE_TIMEOUT_MS: "60000" };
  system = await startSystem("consumers_killed", { consumers: false, gatewayEnv, consumersEnv });
  await system.addConsumers(["sale-loader", "notify"]);
}, 180_000);
afterAll(() => system?.close());

const KILLED = 128 + 9;
const persister = (faultPoint = ""): Promise<TestProcess> =>
  system.addConsumers(["coupon-persist"], { FAULT_POINT: faultPoint });

test.each(["persist:committed", "persist:announced"])(
  "killed at %s in mid-batch: the next one repeats the batch, its effect stays one",
  async (faultPoint) => {
    const { id } = await system.createSale({ total: 300 });
    const users = named(faultPoint.replace(":", "-"), 300);
    const told = await TestSocket.welcomed(system.url, system.token(users[0]!));
    const doomed = await persister(faultPoint);
    const stories = await rush({ couponId: id, users, gatewayFor: () => system.url, token: system.token });
    expect(lastWords(stories)).toEqual({ 202: 300 });
    expect(await doomed.exited).toBe(KILLED);
    const [row] = await system.sql`SELECT count(*)::int AS n FROM user_coupons WHERE coupon_id = ${id}`;
    expect(row!.n).toBeGreaterThan(0); // it died after the commit

    const heir = await persister();
    await promisesKept(system, id, { winners: 300, fault: `consumers killed at ${faultPoint}` });
    await told.hears("coupon.issued");
    told.close();
    expect(await heir.stop()).toBe(0);
  },
  180_000,
);

test("killed five times in mid-rush, two at a time: every claim is persisted once", async () => {
  const { id } = await system.createSale({ total: 4_000 });
  await system.addConsumers(["claim-relay"]);
  const workers = await Promise.all([persister(), persister()]);
  let rushing = true;
  const killing = (async () => {
    for (let round = 0; round < 5; round++) {
      const victim = workers[round % 2]!;
      const [before] = await system.sql`SELECT count(*)::int AS n FROM user_coupons WHERE coupon_id = ${id}`;
      await until("it is at work", async () => {
        const [now] = await system.sql`SELECT count(*)::int AS n FROM user_coupons WHERE coupon_id = ${id}`;
        return now!.n > before!.n || !rushing;
      });
      victim.kill("SIGKILL");
      expect(await victim.exited).toBe(KILLED);
      workers[round % 2] = await persister();
    }
  })();
  const users = named("rusher", 4_000);
  const gatewayFor = () => system.url;
  // Slow enough that all five fall into it.
  const stories = await rush({ couponId: id, users, gatewayFor, token: system.token, atOnce: 4 });
  rushing = false;
  await killing;
  expect(lastWords(stories)).toEqual({ 202: 4_000 });
  await promisesKept(system, id, { winners: 4_000, fault: "consumers killed five times in mid-rush" });
}, 180_000);
