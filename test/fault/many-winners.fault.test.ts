import { afterAll, beforeAll, expect, test } from "bun:test";
import { recorder } from "../history/recorder.ts";
import { promisesKept } from "../support/promises-kept.ts";
import { lastWords, named, rush } from "../support/rush.ts";
import { type System, startSystem } from "../support/system.ts";

const SEEDED = 100_000;
const LEFT = 1_000;
const USERS = 2_500;

let system: System;
beforeAll(async () => {
  system = await startSystem("many_winners", { gateways: 2, consumers: false });
}, 180_000);
afterAll(() => system?.close());

/** Rows as persisted claims leave them; the sale must not be loaded yet. */
async function seed(couponId: string): Promise<void> {
  await system.sql`
    INSERT INTO user_coupons (coupon_id, user_id, slot, request_id)
    SELECT ${couponId}, 'seeded-' || n, n, ${couponId} || '-' || lpad(n::text, 18, '0')
    FROM generate_series(1, ${SEEDED}) AS n`;
}

/** How long the loader's last recovery took, by its own log. */
function recoverySeconds(): number {
  const lines = system.consumers[0]!.output().split("\n");
  const done = lines.findLast((line) => line.includes('"recovery: done"'));
  return JSON.parse(done!).seconds;
}

test("100,000 winners come back in mid-rush after FLUSHALL, and the last 1,000 go out once each", async () => {
  const { id } = await system.createSale({ total: SEEDED + LEFT });
  await seed(id);
  await system.addConsumers([], { MESSAGE_TIMEOUT_MS: "1000" });
  let flushed: Promise<void> | undefined;
  const stories = await rush({
    couponId: id,
    users: named("rusher", USERS),
    gatewayFor: (user, attempt) => system.gateways[(user + attempt) % 2]!.url,
    token: system.token,
    begins(user) {
      if (user === 400) flushed = system.redis.flushall().then(() => recorder.redisLost());
      return flushed;
    },
  });
  await flushed;
  const words = lastWords(stories);
  expect((words["202"] ?? 0) + (words["200"] ?? 0)).toBe(LEFT);
  expect(words.SOLD_OUT).toBe(USERS - LEFT);
  // Without the second in which a gateway's producer may still deliver something.
  const rebuilt = recoverySeconds() - 1;
  await promisesKept(system, id, {
    winners: SEEDED + LEFT,
    isSeeded: (user) => user.startsWith("seeded-"),
    fault: `100,000 winners rebuilt in ${rebuilt.toFixed(1)} s after FLUSHALL`,
  });
  // On a quiet machine about one; a rebuild that asks PostgreSQL or Redis for each winner would take minutes.
  expect(rebuilt).toBeLessThan(60);
}, 180_000);
