import { afterAll, beforeAll, expect, test } from "bun:test";
import { settleClaims } from "../../consumers/claims/persist/settle-claims.ts";
import { settlingFor } from "../../consumers/claims/persist/settling-for.ts";
import { startRelay } from "../../consumers/claims/relay/start.ts";
import { createBunKafka } from "../../kafka/bun/kafka.ts";
import { saleKeys } from "../../lua/keys.ts";
import { until } from "../support/until.ts";
import { type ConsumerWorld, createWorld, WORLD_MS } from "./world.ts";

let world: ConsumerWorld;
beforeAll(async () => {
  world = await createWorld({ environment: { RELAY_EVERY_MS: "50" } });
}, WORLD_MS);
afterAll(() => world.close());

test("claims that never reached the log are settled from the ledger, when they are old enough", async () => {
  const sale = await world.newSale(10);
  await world.load(sale);
  const ageMs = 3_000;
  const relay = startRelay({ ...world.neighbours, config: { ...world.config, LEDGER_AGE_MS: ageMs } });
  const claimedAt = performance.now();
  await world.claim(sale, "ann", "bob");
  await until("one is persisted", async () => (await world.rows(sale)).length > 0);
  expect(performance.now() - claimedAt).toBeGreaterThan(ageMs - 100);
  await until("both are persisted", async () => (await world.rows(sale)).length === 2);
  await until("the ledger is empty", async () => (await world.redis.xlen(saleKeys(sale).ledger)) === 0);
  await relay.stop(1_000);
  expect(world.events(sale).map(({ type }) => type)).toEqual(["CouponIssued", "CouponIssued"]);
});

test("claims of a Redis whose clock was set back by an hour are relayed like others", async () => {
  const sale = await world.newSale(10);
  await world.load(sale);
  const { ledger } = saleKeys(sale);
  await world.claim(sale, "ann");
  const [[id, fields]] = (await world.redis.xrange(ledger, "-", "+")) as [[string, string[]]];
  await world.redis.xdel(ledger, id);
  await world.redis.xadd(ledger, `${Date.now() + 3_600_000}-0`, ...fields);
  await world.claim(sale, "bob", "cem"); // ids of a stream only grow
  const relay = startRelay(world.neighbours);
  await until("all are persisted", async () => (await world.rows(sale)).length === 3);
  await until("the ledger is empty", async () => (await world.redis.xlen(ledger)) === 0);
  await relay.stop(1_000);
});

test("entries that are no claims stay, are named in the log, and do not hold up the others", async () => {
  const sale = await world.newSale(10);
  await world.load(sale);
  await world.redis.xadd(saleKeys(sale).ledger, "*", "u", "ann", "nonsense", "1");
  await world.claim(sale, "bob");
  const relay = startRelay(world.neighbours);
  await until("bob is persisted", async () => (await world.rows(sale)).length === 1);
  await until("bob has left the ledger", async () => (await world.redis.xlen(saleKeys(sale).ledger)) === 1);
  await relay.stop(1_000);
  expect(world.lines.some(({ level, fields }) => level === "error" && fields.couponId === sale)).toBe(true);
});

test("claims whose slot or epoch was overwritten are decided again, and no claim is called malformed", async () => {
  const sale = await world.newSale(10);
  await world.load(sale);
  const { ledger } = saleKeys(sale);
  const garbage = [
    ["ann", "-4", "1"],
    ["bob", "2", "banana"],
    ["cid", "3", "99999999999999999999"],
    ["dan", "99999999999999999999", "1"],
    ["eve", "4", "999999999"],
  ] as const;
  for (const [user, slot, epoch] of garbage) {
    const { requestId } = world.forged(sale, user, 1);
    await world.redis.xadd(ledger, "*", "u", user, "r", requestId, "s", slot, "e", epoch);
  }
  await world.load(sale, 2);
  const relay = startRelay(world.neighbours);
  await until("all are persisted", async () => (await world.rows(sale)).length === garbage.length);
  await until("the ledger is empty", async () => (await world.redis.xlen(ledger)) === 0);
  await relay.stop(1_000);
  expect((await world.rows(sale)).map(({ slot }) => slot)).toEqual([1, 2, 3, 4, 5]);
  expect(world.lines.filter(({ level, fields }) => level === "error" && fields.couponId === sale)).toEqual([]);
});

test("two relays settle the same ledgers without doing anything twice", async () => {
  const sales = await Promise.all([1, 2, 3].map(() => world.newSale(100)));
  for (const sale of sales) {
    await world.load(sale);
    await world.claim(sale, ...Array.from({ length: 50 }, (_, i) => `user-${i}`));
  }
  const relays = [startRelay(world.neighbours), startRelay(world.neighbours)];
  for (const sale of sales) {
    await until("the ledger is empty", async () => (await world.redis.xlen(saleKeys(sale).ledger)) === 0);
  }
  await Promise.all(relays.map((relay) => relay.stop(1_000)));
  for (const sale of sales) {
    expect(await world.rows(sale)).toHaveLength(50);
    expect(world.events(sale)).toHaveLength(50);
  }
});

test("with Kafka away the rows are written, the entries stay and no user is told ISSUED; later both happens", async () => {
  const sale = await world.newSale(10);
  await world.load(sale);
  await world.claim(sale, "ann");
  const nowhere = createBunKafka({ brokers: "127.0.0.1:1", clientId: "test" });
  const producer = nowhere.producer({ messageTimeoutMs: 1_000 });
  const cutOff = startRelay({ ...world.neighbours, producer });
  await until("the row is written", async () => (await world.rows(sale)).length === 1);
  await Bun.sleep(200);
  expect(await world.redis.xlen(saleKeys(sale).ledger)).toBe(1);
  expect(await world.redis.hlen(saleKeys(sale).status)).toBe(0);
  await cutOff.stop(3_000);
  await producer.close(100);
  expect(world.events(sale)).toHaveLength(0);

  const relay = startRelay(world.neighbours);
  await until("the ledger is empty", async () => (await world.redis.xlen(saleKeys(sale).ledger)) === 0);
  await relay.stop(1_000);
  expect(world.events(sale)).toHaveLength(1);
  expect(await world.redis.hvals(saleKeys(sale).status)).toEqual(["ISSUED 1"]);
});

test("a backlog is settled page by page while it is fresh, and at once when it is old", async () => {
  const sale = await world.newSale(5_000);
  await world.load(sale);
  await world.claim(sale, ...Array.from({ length: 3_500 }, (_, i) => `user-${i}`));
  /** A relay that has one round in the time that these tests wait. */
  const relayWith = (ageMs: number) =>
    startRelay({ ...world.neighbours, config: { ...world.config, RELAY_EVERY_MS: 60_000, LEDGER_AGE_MS: ageMs } });
  const first = relayWith(3_600_000);
  await Bun.sleep(1_000);
  expect(await world.rows(sale)).toHaveLength(0); // its round came too early for every entry
  await first.stop(1_000);
  const second = relayWith(1_000);
  await until("one page is settled", async () => (await world.rows(sale)).length > 0);
  await second.stop(1_000);
  expect(await world.rows(sale)).toHaveLength(1_000);
  const third = relayWith(1); // for it, they are old
  await until("the rest is settled in one round", async () => (await world.rows(sale)).length === 3_500, 50_000);
  await third.stop(1_000);
});

test("entries that cannot be removed, because the sale was just lost, are not told again with every round", async () => {
  const sale = await world.newSale(10);
  await world.load(sale);
  await world.claim(sale, "ann");
  await world.redis.script("FLUSH");
  const relay = startRelay(world.neighbours);
  await until("ann is persisted", async () => (await world.rows(sale)).length === 1);
  await Bun.sleep(500); // ten rounds
  await relay.stop(1_000);
  expect(world.events(sale)).toHaveLength(1);
  expect(await world.redis.xlen(saleKeys(sale).ledger)).toBe(1);
});

test("the relay and the log's consumer may settle the same claims at the same time", async () => {
  const sale = await world.newSale(500);
  await world.load(sale);
  const claims = await world.claim(sale, ...Array.from({ length: 300 }, (_, i) => `user-${i}`));
  const relaying = settlingFor("claim-relay", world.neighbours);
  const results = await Promise.all([
    world.settle(claims),
    settleClaims(relaying, [...claims].reverse()),
    settleClaims(relaying, claims),
  ]);
  expect(results.map(({ settled }) => settled)).toEqual([300, 300, 300]);
  expect(await world.rows(sale)).toHaveLength(300);
  const ids = world.events(sale).map(({ eventId }) => eventId);
  expect(new Set(ids).size).toBe(300);
});
