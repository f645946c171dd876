import { afterAll, beforeAll, expect, test } from "bun:test";
import type { GrantedClaim } from "../../consumers/claims/persist/outcome.ts";
import { settleClaims } from "../../consumers/claims/persist/settle-claims.ts";
import { settlingFor } from "../../consumers/claims/persist/settling-for.ts";
import { startRelay } from "../../consumers/claims/relay/start.ts";
import { leftOutOf } from "../../consumers/engine/left-out-of.ts";
import { startOrderRelay } from "../../consumers/order-relay/start.ts";
import { startLoader } from "../../consumers/sales/start.ts";
import { groupOf } from "../../contracts/groups.ts";
import type { OrderCreated } from "../../contracts/orders/events.ts";
import { type CouponId, newRequestId, type UserId } from "../../contracts/wire/ids.ts";
import { createBoard } from "../../gateway/sales/board.ts";
import { followSales } from "../../gateway/sales/follow-sales.ts";
import { readWinnersFilter, redisSaleUpdates } from "../../gateway/sales/redis-sale-updates.ts";
import { orderBucket, orderLedgerKey, saleKeys } from "../../lua/keys.ts";
import { readLedger } from "../../lua/ledger.ts";
import { createPlacedOrders } from "../../lua/placed-orders.ts";
import { readSale } from "../../lua/sale-reading.ts";
import { placedBy } from "../lua/placed.ts";
import { until } from "../support/until.ts";
import { type ConsumerWorld, createWorld, WORLD_MS } from "./world.ts";

// One key of a wrong type, planted by hand or by another program, stops its own sale or bucket and no other.
let world: ConsumerWorld;
beforeAll(async () => {
  world = await createWorld({ environment: { RELAY_EVERY_MS: "50", LOADER_EVERY_MS: "50" } });
}, WORLD_MS);
afterAll(() => world.close());

const plant = async (key: string) => {
  await world.redis.del(key);
  await world.redis.set(key, "1");
};
/** Whether an error in the log names it. */
const isReported = (name: string) =>
  world.lines.some((line) => line.level === "error" && JSON.stringify(line).includes(name));
const gauge = async (role: string) =>
  Number(new RegExp(`^stampede_left_out\\{role="${role}"\\} (\\d+)`, "m").exec(await world.metrics.text())?.[1] ?? 0);
const isLoaded = async (id: CouponId) =>
  (await world.db.sql`SELECT load_state FROM coupons WHERE id = ${id}`)[0]!.load_state === "LOADED";

test("a new sale opens although another one's keys are broken, and the broken one is reported", async () => {
  const broken = await world.newSale(10);
  await world.load(broken);
  await plant(saleKeys(broken).sale);
  const loader = startLoader(world.neighbours);
  const sale = await world.newSale(10);
  await until("the new sale is loaded", () => isLoaded(sale));
  await until("the broken one is reported", () => isReported(broken));
  await loader.stop(1_000);
});

test("the relay settles the claims of both pipelines although another sale's ledger, or its hash, is broken", async () => {
  const [badLedger, badHash, good] = [await world.newSale(10), await world.newSale(10), await world.newSale(10)];
  for (const sale of [badLedger, badHash, good]) await world.load(sale);
  await world.claim(good, "ann");
  await world.claimBy("redis", good, "bob");
  await world.claim(badHash, "cem");
  await plant(saleKeys(badLedger).ledger);
  await plant(saleKeys(badHash).sale);
  const relay = startRelay(world.neighbours);
  await until("both are settled", async () => (await world.redis.xlen(saleKeys(good).ledger)) === 0);
  expect(await world.rows(good)).toHaveLength(2);
  // A row needs no hash in Redis; only the entry stays.
  await until(
    "the claim of the sale without a hash is in PostgreSQL",
    async () => (await world.rows(badHash)).length === 1,
  );
  await until("both are reported", () => isReported(badLedger) && isReported(badHash));
  await until("both are counted", async () => (await gauge("claim-relay")) >= 2);
  await world.redis.del(saleKeys(badLedger).ledger);
  await world.claim(badLedger, "dan");
  await until("once it is well, its claims are settled", async () => (await world.rows(badLedger)).length === 1);
  await relay.stop(1_000);
});

test("any key of a sale that was overwritten, and any of its fields, is reported, set aside and rebuilt, with its winners", async () => {
  const kinds = [
    "sale",
    "winners",
    "freed",
    "ledger",
    "status",
    "total",
    "next",
    "epoch",
    "version",
    "state",
    "endsAt",
  ] as const;
  const queued = await Promise.all(kinds.map(() => world.newSale(10, -1_000, "QUEUED"))); // nothing to wait for in the log
  for (const [i, sale] of queued.entries()) {
    await world.load(sale);
    const requestId = newRequestId(sale, Date.now());
    await world.settling.scripts.decide(sale, [{ userId: "ann" as UserId, requestId, loggedAt: Date.now() }]);
    await world.settle(await claimsOf(sale));
    const kind = kinds[i]!;
    if (kind in saleKeys(sale)) await plant(saleKeys(sale)[kind as "sale"]);
    else await world.redis.hset(saleKeys(sale).sale, kind, "99999999999999999999x");
  }
  const loader = startLoader(world.neighbours);
  for (const [i, sale] of queued.entries()) {
    await until(`${kinds[i]} is rebuilt`, async () => {
      const [row] = await world.db.sql`SELECT load_state, epoch FROM coupons WHERE id = ${sale}`;
      return row!.load_state === "LOADED" && row!.epoch === 2;
    });
    expect(isReported(sale)).toBe(true);
    expect(await readSale(world.redis, sale)).toMatchObject({ state: "OPEN", total: 10, epoch: 2, winners: 1 });
  }
  await loader.stop(1_000);
  expect(await world.redis.get(`${saleKeys(queued[3]!).ledger}:broken`)).toBe("1");
});

test("a sale in which one winner's value was overwritten is rebuilt as soon as that winner asks", async () => {
  const sale = await world.newSale(10);
  await world.load(sale);
  await world.settle(await world.claim(sale, "ann"));
  const { winners } = saleKeys(sale);
  const won = await world.redis.hget(winners, "ann");
  await world.redis.hset(winners, "ann", "nonsense");
  await world.skipLog(groupOf("coupon-persist"));
  const loader = startLoader(world.neighbours);
  const requestId = newRequestId(sale, Date.now());
  const { results } = await world.settling.scripts.claim(sale, [{ userId: "ann" as UserId, requestId }]);
  expect(results).toEqual([{ code: "NOT_LOADED" }]);
  await until("the sale is rebuilt", async () => {
    const [row] = await world.db.sql`SELECT load_state, epoch FROM coupons WHERE id = ${sale}`;
    return row!.load_state === "LOADED" && row!.epoch === 2;
  });
  await loader.stop(1_000);
  expect(isReported(sale)).toBe(true);
  expect(await world.redis.hget(winners, "ann")).toBe(won);
  expect(await readSale(world.redis, sale)).toMatchObject({ state: "OPEN", epoch: 2, winners: 1 });
});

/** What a sale's ledger holds. */
async function claimsOf(couponId: CouponId): Promise<GrantedClaim[]> {
  const { entries } = await readLedger(world.redis, couponId, { olderThanMs: 0, count: 10 });
  return entries.map((entry) => ({ couponId, ...entry }));
}

test("a broken status hash keeps no other sale's entries in their ledgers", async () => {
  const [broken, good] = [await world.newSale(10), await world.newSale(10)];
  const claims = [];
  for (const sale of [broken, good]) {
    await world.load(sale);
    claims.push(...(await world.claim(sale, "ann")));
  }
  await plant(saleKeys(broken).status);
  expect(await world.settle(claims)).toMatchObject({ settled: 2, unacknowledged: 1 });
  expect(await world.redis.xlen(saleKeys(good).ledger)).toBe(0);
  expect(isReported(broken)).toBe(true);
});

test("claims that must be decided again wait for their own broken sale only", async () => {
  const [broken, good] = [await world.newSale(10), await world.newSale(10)];
  const claims = [];
  for (const sale of [broken, good]) {
    await world.load(sale);
    claims.push(...(await world.claim(sale, "ann")));
    await world.load(sale, 2);
  }
  await plant(saleKeys(broken).winners);
  const settled = await world.settle(claims);
  expect(settled.deferred.map(({ couponId }) => couponId)).toEqual([broken]);
  expect(await world.rows(good)).toHaveLength(1);
  expect(isReported(broken)).toBe(true);
});

test("an alias whose winner cannot be repaired is told later, and one whose sale is well is told now", async () => {
  const [broken, good] = [await world.newSale(10), await world.newSale(10)];
  const seconds = [];
  for (const sale of [broken, good]) {
    await world.load(sale);
    await world.settle(await world.claim(sale, "ann"));
    await world.redis.hdel(saleKeys(sale).winners, "ann"); // forgotten
    seconds.push(...(await world.claim(sale, "ann")));
  }
  await plant(saleKeys(broken).freed);
  const settled = await world.settle(seconds);
  expect(settled.deferred.map(({ couponId }) => couponId)).toEqual([broken]);
  const told = (sale: CouponId) => world.events(sale).map(({ type }) => type);
  expect([told(broken).length, told(good).length]).toEqual([1, 2]);
  await world.redis.del(saleKeys(broken).freed);
  const settling = settlingFor("coupon-persist", world.neighbours); // nothing rests in a new process
  expect(await settleClaims(settling, seconds)).toMatchObject({ settled: 2, deferred: [] });
  expect(told(broken)).toHaveLength(2);
});

test("orders leave their ledgers although one bucket is broken, and one order that can never be sent holds no other up", async () => {
  const run = crypto.randomUUID().slice(0, 8);
  const byBucket = new Map<number, OrderCreated>();
  for (let i = 0; byBucket.size < 3; i++) {
    const order = placedBy(`user-${i}-${run}`, "k");
    byBucket.set(orderBucket(order.data.userId), order);
  }
  const [[badBucket], [, gone], [, absent]] = [...byBucket] as [
    [number, OrderCreated],
    [number, OrderCreated],
    [number, OrderCreated],
  ];
  await plant(orderLedgerKey(badBucket));
  for (const order of [gone, absent]) await createPlacedOrders(world.redis).place(order);
  await world.db.sql`
    INSERT INTO orders (id, user_id, total_amount, payable_amount) VALUES (${gone.data.orderId}, ${gone.data.userId}, 500, 500)`;
  // Twice as large as any broker takes.
  const huge = placedBy(`huge-${run}`, "k", JSON.stringify("x".repeat(2_000_000)));
  await world.redis.xadd(
    orderLedgerKey(orderBucket(huge.data.userId)),
    "*",
    "o",
    huge.data.orderId,
    "u",
    huge.data.userId,
    "e",
    JSON.stringify({ ...huge, padding: "x".repeat(3_000_000) }),
  );
  const relay = startOrderRelay(world.neighbours);
  await until("the one that PostgreSQL has is out", async () => {
    return (await createPlacedOrders(world.redis).pending(gone.data.userId, gone.data.orderId)) === null;
  });
  await until("the other is sent", () => world.sent.some(({ value }) => String(value).includes(absent.data.orderId)));
  await until("bucket and order are reported", () => isReported(`{o:${badBucket}}`) && isReported(huge.data.orderId));
  expect(await gauge("order-relay")).toBeGreaterThanOrEqual(2);
  await relay.stop(1_000);
  for (const { data } of [huge, gone, absent]) await world.redis.del(orderLedgerKey(orderBucket(data.userId)));
  await world.redis.del(orderLedgerKey(badBucket));
});

test("a gateway's gate hears of a sale's new state although another sale, asked for before it, is broken", async () => {
  const [broken, good] = [await world.newSale(10), await world.newSale(10)];
  for (const sale of [broken, good]) await world.load(sale);
  const onError = () => {};
  const readWinners = (couponId: CouponId) => readWinnersFilter(world.redis, couponId, 1_000_000);
  const board = createBoard({ ttlMs: 500, maxFilterBytes: 1_000_000, readWinners, onChange() {}, onError });
  const news = { epoch: 1, version: 1, state: "OPEN", soldOut: false } as const;
  for (const sale of [broken, good]) board.hear(sale, news, performance.now());
  await plant(saleKeys(broken).sale);
  await world.settling.scripts.setState(good, "PAUSED");
  // The announcement is missed: there is no subscriber.
  const sources = {
    ...redisSaleUpdates(
      world.redis,
      world.subscriber,
      () => {},
      () => {},
      onError,
    ),
    subscribe() {},
  };
  const stop = followSales(board, sources, leftOutOf("notify", world.neighbours), onError);
  await until("the good one is known to be paused", () => {
    board.gate(broken, performance.now());
    return board.gate(good, performance.now())?.code === "PAUSED";
  });
  stop();
  await until("the broken one is reported", () => isReported(broken));
});
