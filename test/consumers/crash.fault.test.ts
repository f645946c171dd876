import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { CLAIMS_TOPIC, PERSIST_GROUP } from "../../consumers/coupon-persist/role.ts";
import { saleKeys } from "../../lua/keys.ts";
import { createWorld, until, WORLD_MS, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await createWorld();
}, WORLD_MS);
afterAll(() => world.close());

/** A real process on this test's neighbours; the group and the topics are the real ones. */
function consumers(environment: Record<string, string>) {
  const { REDIS_URL, DATABASE_URL, KAFKA_BROKERS } = world.config;
  return Bun.spawn([process.execPath, join(import.meta.dir, "../../consumers/main.bun.ts")], {
    env: {
      ...process.env,
      REDIS_URL,
      DATABASE_URL,
      KAFKA_BROKERS,
      CONSUMERS_PORT: "0",
      NODE_ENV: "test",
      ...environment,
    },
    stdout: "ignore",
    stderr: "inherit",
  });
}

for (const point of ["persist:committed", "persist:announced"]) {
  test(`consumers killed at ${point} leave every claim to the next process, once`, async () => {
    const sale = await world.newSale(3_000);
    await world.load(sale);
    const claims = await world.claim(sale, ...Array.from({ length: 2_000 }, (_, i) => `user-${i}`));
    const values = claims.map((data) => JSON.stringify({ type: "CouponClaimed", eventId: data.requestId, data }));
    await world.rawProducer.sendAll(values.map((value) => ({ topic: CLAIMS_TOPIC, value })));

    const doomed = consumers({ ROLES: "coupon-persist", FAULT_POINT: point });
    expect(await doomed.exited).toBe(137);
    const persisted = (await world.rows(sale)).length;
    expect(persisted).toBeGreaterThan(0); // it died in the middle of its work, not before
    expect(await world.redis.xlen(saleKeys(sale).ledger)).toBeGreaterThan(0);

    const next = consumers({ ROLES: "coupon-persist" });
    await until("all are persisted", async () => (await world.rows(sale)).length === 2_000, 30_000);
    await until("the ledger is empty", async () => (await world.redis.xlen(saleKeys(sale).ledger)) === 0);
    await until("the offsets are committed", async () => (await world.lag(CLAIMS_TOPIC, PERSIST_GROUP)) === 0);
    next.kill("SIGTERM");
    expect(await next.exited).toBe(0);
    const rows = await world.rows(sale);
    expect(new Set(rows.map(({ slot }) => slot)).size).toBe(2_000);
    expect(new Set(rows.map(({ user_id }) => user_id)).size).toBe(2_000);
    const statuses = await world.redis.hvals(saleKeys(sale).status);
    expect(statuses.filter((status) => status.startsWith("ISSUED "))).toHaveLength(2_000);
  }, 90_000);
}
