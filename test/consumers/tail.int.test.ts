import { afterAll, beforeAll, expect, test } from "bun:test";
import { startRelay } from "../../consumers/claims/relay/start.ts";
import type { CouponId } from "../../contracts/wire/ids.ts";
import { createBunKafka } from "../../kafka/bun/kafka.ts";
import { LEDGER_CHANNEL, saleKeys } from "../../lua/keys.ts";
import { until } from "../support/until.ts";
import { type ConsumerWorld, createWorld, WORLD_MS } from "./world.ts";

/** For Kafka, which is away. */
const PAGE_WAIT_MS = 10_000;

let world: ConsumerWorld;
beforeAll(async () => {
  // The time between two looks is long, so a claim that is settled sooner was announced.
  world = await createWorld({ environment: { RELAY_EVERY_MS: "60000", LEDGER_AGE_MS: "3600000" } });
}, WORLD_MS);
afterAll(() => world.close());

async function sale(total: number): Promise<CouponId> {
  const couponId = await world.newSale(total);
  await world.load(couponId);
  return couponId;
}
const names = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}-${i}`);
const ledger = (couponId: CouponId) => world.redis.xlen(saleKeys(couponId).ledger);
const announce = (couponId: CouponId) => world.redis.publish(LEDGER_CHANNEL, couponId);
const holders = async (couponId: CouponId) => (await world.rows(couponId)).map(({ user_id }) => user_id);

/** A relay that has had its first look. */
async function relay(environment: { RELAY_EVERY_MS?: number; LEDGER_AGE_MS?: number } = {}) {
  const running = startRelay({ ...world.neighbours, config: { ...world.config, ...environment } });
  await Bun.sleep(150);
  return running;
}

test("claims of the Redis pipeline are settled as soon as they are announced; Kafka's are left to the log", async () => {
  const couponId = await sale(10);
  const running = await relay();
  await world.claim(couponId, "kafka-1");
  await world.claimBy("redis", couponId, "redis-1");
  await world.claim(couponId, "kafka-2");
  await world.claimBy("redis", couponId, "redis-2");
  const startedAt = performance.now();
  await announce(couponId);
  await until("both are persisted", async () => (await world.rows(couponId)).length === 2);
  await until("and have left the ledger", async () => (await ledger(couponId)) === 2);
  expect(performance.now() - startedAt).toBeLessThan(30_000); // long before the next look
  await Bun.sleep(300);
  expect(await holders(couponId)).toEqual(["redis-1", "redis-2"]);
  expect(world.events(couponId).map(({ type }) => type)).toEqual(["CouponIssued", "CouponIssued"]);

  // What comes later is read on from there.
  await world.claimBy("redis", couponId, "redis-3");
  await announce(couponId);
  await until("the third is persisted", async () => (await world.rows(couponId)).length === 3);
  await running.stop(1_000);
  expect(await ledger(couponId)).toBe(2);
});

test("Kafka's entries are settled in their turn, when they are old enough", async () => {
  const couponId = await sale(10);
  await world.claim(couponId, "kafka-1");
  await world.claimBy("redis", couponId, "redis-1");
  const running = await relay({ RELAY_EVERY_MS: 50, LEDGER_AGE_MS: 1_500 });
  await until("the marked one is persisted", async () => (await world.rows(couponId)).length > 0);
  expect(await holders(couponId)).toEqual(["redis-1"]);
  await until("the other one is, too", async () => (await ledger(couponId)) === 0);
  await running.stop(1_000);
  expect(await holders(couponId)).toEqual(["kafka-1", "redis-1"]);
});

test("claims that were not announced are found by the next look", async () => {
  const couponId = await sale(10);
  const running = await relay({ RELAY_EVERY_MS: 100 });
  await world.claimBy("redis", couponId, "ann", "bob");
  await until("both are settled", async () => (await ledger(couponId)) === 0);
  // Nor does a cursor behind later entries of Kafka's keep new ones from being found.
  await world.claim(couponId, "kafka-1");
  await world.claimBy("redis", couponId, "cem");
  await world.claim(couponId, "kafka-2");
  await until("the third is settled", async () => (await ledger(couponId)) === 2);
  await Bun.sleep(300);
  await world.claimBy("redis", couponId, "dan");
  await until("the fourth is settled", async () => (await ledger(couponId)) === 2);
  await running.stop(1_000);
  expect(await holders(couponId)).toEqual(["ann", "bob", "cem", "dan"]);
});

test("a full ledger is settled page after page, and another sale does not wait for its end", async () => {
  // A test that stands still for a moment may come when the big one is settled already: then it comes again.
  for (let round = 1; ; round++) {
    const [big, small] = [await sale(12_000), await sale(10)];
    for (let at = 0; at < 12; at++) await world.claimBy("redis", big, ...names(`big-${at}`, 1_000));
    const running = await relay();
    await until("the big one is being settled", async () => (await world.rows(big)).length > 0);
    await world.claimBy("redis", small, "ann");
    await announce(small);
    await until("the small one is settled", async () => (await world.rows(small)).length === 1);
    const meanwhile = (await world.rows(big)).length;
    await until("the big one is settled", async () => (await ledger(big)) === 0);
    await running.stop(1_000);
    expect(await world.rows(big)).toHaveLength(12_000);
    if (meanwhile < 12_000) return;
    expect(round).toBeLessThan(5);
  }
}, 180_000);

test("two relays share the sales, and no claim is told twice", async () => {
  const sales = [await sale(500), await sale(500)];
  const relays = [await relay(), await relay()];
  for (let at = 0; at < 10; at++) {
    for (const couponId of sales) {
      await world.claimBy("redis", couponId, ...names(`u${at}`, 50));
      await announce(couponId);
    }
  }
  for (const couponId of sales) await until("the ledger is empty", async () => (await ledger(couponId)) === 0);
  await Promise.all(relays.map((running) => running.stop(1_000)));
  for (const couponId of sales) {
    expect(await world.rows(couponId)).toHaveLength(500);
    expect(world.events(couponId)).toHaveLength(500);
  }
}, 180_000);

test("with Kafka away the rows are written, page after page; the entries stay and no user is told ISSUED", async () => {
  const couponId = await sale(5_000);
  const nowhere = createBunKafka({ brokers: "127.0.0.1:1", clientId: "test" });
  const producer = nowhere.producer({ messageTimeoutMs: PAGE_WAIT_MS });
  for (let at = 0; at < 5; at++) await world.claimBy("redis", couponId, ...names(`u${at}`, 1_000));
  const startedAt = performance.now();
  const cutOff = startRelay({ ...world.neighbours, producer });
  await until("the rows are written", async () => (await world.rows(couponId)).length === 5_000);
  // One page waits for Kafka in vain, the others do not wait: 5 × message.timeout.ms it would be.
  expect(performance.now() - startedAt).toBeLessThan(4 * PAGE_WAIT_MS);
  expect(await ledger(couponId)).toBe(5_000);
  expect(await world.redis.hlen(saleKeys(couponId).status)).toBe(0);
  await cutOff.stop(3_000);
  await producer.close(100);
  expect(world.events(couponId)).toHaveLength(0);

  const running = await relay();
  await until("all are told", async () => (await ledger(couponId)) === 0);
  await running.stop(1_000);
  expect(world.events(couponId)).toHaveLength(5_000);
}, 180_000);

test("claims of sales that PostgreSQL does not know are left alone here", async () => {
  const couponId = await sale(10);
  await world.claimBy("redis", couponId, "ann");
  await world.db.sql`DELETE FROM coupons WHERE id = ${couponId}`;
  const running = await relay({ RELAY_EVERY_MS: 50 });
  await announce(couponId);
  await Bun.sleep(300);
  await running.stop(1_000);
  expect(await ledger(couponId)).toBe(1);
  expect(world.lines.filter(({ level, fields }) => level === "error" && fields.couponId === couponId)).toEqual([]);
});
