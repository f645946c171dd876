import { afterAll, beforeAll, expect, test } from "bun:test";
import { recorder } from "../history/recorder.ts";
import { promisesKept } from "../support/promises-kept.ts";
import { lastWords, named, rush } from "../support/rush.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

let system: System;
beforeAll(async () => {
  // The broker notices after its session that a member was killed; this is the shortest it accepts.
  const consumersEnv = { KAFKA_PROPERTIES: "session.timeout.ms=6000", MESSAGE_TIMEOUT_MS };
  const gatewayEnv = { MESSAGE_TIMEOUT_MS };
  system = await startSystem("two_loaders", { gateways: 2, gatewayEnv, consumersEnv });
  await system.addConsumers();
}, 180_000);
afterAll(() => system?.close());

/** A recovery takes at least this long, so the process that must die in it cannot have finished. */
const MESSAGE_TIMEOUT_MS = "9000";
const KILLED = 128 + 9;
const gatewayFor = (user: number, attempt: number) => system.gateways[(user + attempt) % 2]!.url;
const loadOf = async (couponId: string): Promise<{ epoch: number; load_state: string }> =>
  (await system.sql`SELECT epoch, load_state FROM coupons WHERE id = ${couponId}`)[0] as never;

/** Half of the rush, FLUSHALL, and the other half when `meanwhile` is through. */
async function flushedInMidRush(couponId: string, prefix: string, total: number, meanwhile: () => Promise<void>) {
  let flushed: Promise<void> | undefined;
  let fault: Promise<void> | undefined;
  const stories = await rush({
    couponId,
    users: named(prefix, 2 * total),
    gatewayFor,
    token: system.token,
    begins(user) {
      if (user === total / 2) {
        flushed = system.redis.flushall().then(() => recorder.redisLost());
        fault = flushed.then(meanwhile);
      }
      return user < total ? flushed : fault;
    },
  });
  await fault;
  const words = lastWords(stories);
  expect((words["202"] ?? 0) + (words["200"] ?? 0)).toBe(total);
  expect(words.SOLD_OUT).toBe(total);
}

test("two loaders see the same loss in mid-rush: one recovery, and users notice no difference", async () => {
  const { id } = await system.createSale({ total: 600 });
  await flushedInMidRush(id, "flushed", 600, async () => {});
  expect(await loadOf(id)).toEqual({ epoch: 2, load_state: "LOADED" });
  await promisesKept(system, id, { winners: 600, fault: "FLUSHALL with two loaders" });
}, 180_000);

test("the loader that recovers is killed in the middle of it: the other one begins again, under load", async () => {
  const { id } = await system.createSale({ total: 600 });
  await flushedInMidRush(id, "orphaned", 600, async () => {
    const fenced = `"couponId":"${id}","epoch":2`;
    const working = await until("one of them says that it has fenced the sale", () =>
      system.consumers.find(({ output }) => output().includes(fenced)),
    );
    system.consumers.splice(system.consumers.indexOf(working), 1);
    working.kill("SIGKILL");
    expect(await working.exited).toBe(KILLED);
    await system.addConsumers();
  });
  const { epoch, load_state } = await loadOf(id);
  expect(load_state).toBe("LOADED");
  expect(epoch).toBeGreaterThanOrEqual(3); // the first one's is used up
  await promisesKept(system, id, { winners: 600, fault: "FLUSHALL, and the loader killed in its recovery" });
}, 180_000);
