import { afterAll, beforeAll, expect, test } from "bun:test";
import { startRelay } from "../../consumers/claims/relay/start.ts";
import { startOrderRelay } from "../../consumers/order-relay/start.ts";
import { retain } from "../../consumers/retention/round.ts";
import { type RetentionSetting, ROW_RULES } from "../../consumers/retention/rules.ts";
import { startLoader } from "../../consumers/sales/start.ts";
import type { CouponId } from "../../contracts/wire/ids.ts";
import { orderBucket, orderLedgerKey, saleKeys } from "../../lua/keys.ts";
import { createPlacedOrders } from "../../lua/placed-orders.ts";
import { placedBy } from "../lua/placed.ts";
import { type RedisCluster, startRedisCluster } from "../support/redis-cluster.ts";
import { until } from "../support/until.ts";
import { type ConsumerWorld, createWorld, WORLD_MS } from "./world.ts";

let cluster: RedisCluster;
let world: ConsumerWorld;
beforeAll(async () => {
  cluster = await startRedisCluster();
  world = await createWorld({ redisUrl: cluster.url, environment: { RELAY_EVERY_MS: "100", LOADER_EVERY_MS: "100" } });
}, WORLD_MS);
afterAll(async () => {
  await world?.close();
  await cluster?.remove();
}, 180_000);

const portOf = async (key: string) => (await cluster.masterOf(key)).port;
const stateOf = async (id: CouponId) =>
  (await world.db.sql`SELECT load_state, epoch FROM coupons WHERE id = ${id}`)[0] as {
    load_state: string;
    epoch: number;
  };

test("with a master and its replica dead, sales and orders of the other shards go on opening, relaying and recovering", async () => {
  const sales = await Promise.all(Array.from({ length: 12 }, () => world.newSale(10, -1_000, "QUEUED")));
  for (const sale of sales) await world.load(sale);
  const deadSale = sales[0]!;
  const master = await cluster.masterOf(saleKeys(deadSale).sale);
  const ports = new Map<CouponId, number>();
  for (const sale of sales) ports.set(sale, await portOf(saleKeys(sale).sale));
  const living = sales.filter((sale) => ports.get(sale) !== master.port);
  expect(living.length).toBeGreaterThan(0);
  const orders = Array.from({ length: 12 }, (_, i) => placedBy(`user-${i}`, "k"));
  for (const order of orders) await createPlacedOrders(world.redis).place(order);

  const replica = cluster.replicaOf(master);
  await replica.kill();
  await master.kill();
  const roles = [startLoader(world.neighbours), startRelay(world.neighbours), startOrderRelay(world.neighbours)];

  // Opening: of new sales those on living shards are loaded.
  const fresh = await Promise.all(Array.from({ length: 12 }, () => world.newSale(10)));
  const opening: CouponId[] = [];
  for (const sale of fresh) if (await answers(saleKeys(sale).sale)) opening.push(sale);
  expect(opening.length).toBeGreaterThan(0);
  expect(opening.length).toBeLessThan(fresh.length);
  for (const sale of opening)
    await until("a new sale opens", async () => (await stateOf(sale)).load_state === "LOADED");
  // Relaying, of claims and of orders.
  await world.claim(opening[0]!, "ann");
  await until("its claim is relayed", async () => (await world.redis.xlen(saleKeys(opening[0]!).ledger)) === 0);
  for (const { data } of orders) {
    if (!(await answers(orderLedgerKey(orderBucket(data.userId))))) continue;
    await until("an order is sent", () => world.sent.some(({ value }) => String(value).includes(data.orderId)));
  }
  // Recovering, of a sale that needs no log.
  await world.redis.del(saleKeys(living[0]!).sale);
  await until("a lost sale is back", async () => {
    const { load_state, epoch } = await stateOf(living[0]!);
    return load_state === "LOADED" && epoch > 1;
  });
  expect(world.lines.some(({ level, fields }) => level === "error" && fields.role === "sale-loader")).toBe(true);
  expect(await world.metrics.text()).toMatch(/stampede_left_out\{role="sale-loader"\} [1-9]/);
  await Promise.all(roles.map((role) => role.stop(5_000)));

  // Ended sales leave Redis, although one of the dead shard comes first.
  const ended = living[1] ?? opening[1]!;
  for (const [sale, hours] of [
    [deadSale, 3],
    [ended, 2],
  ] as const) {
    const at = new Date(Date.now() - hours * 3_600_000);
    await world.db.sql`
      UPDATE coupons SET starts_at = ${new Date(at.getTime() - 1_000)}, ends_at = ${at} WHERE id = ${sale}`;
  }
  await world.redis.hset(saleKeys(ended).sale, "endsAt", Date.now() - 7_200_000);
  const kept = Object.fromEntries(ROW_RULES.map(({ setting }) => [setting, 3_650])) as Record<RetentionSetting, number>;
  const observe = { deleted() {}, oldest() {}, stuckSales() {} };
  const { redis, log } = world;
  const settings = { ...kept, SALE_KEEP_HOURS: 1 };
  await retain(
    { sql: world.db.sql, redis, requestsWait: async () => false, settings, log, observe },
    new AbortController().signal,
  );
  const left = await world.db.sql`SELECT id FROM coupons WHERE left_redis_at IS NOT NULL`;
  expect(left.map(({ id }) => id)).toEqual([ended]);
}, 180_000);

const answers = (key: string) =>
  world.redis.exists(key).then(
    () => true,
    () => false,
  );
