import { afterAll, beforeAll, expect, test } from "bun:test";
import { startRelay } from "../../consumers/claims/relay/start.ts";
import { LEDGER_CHANNEL, saleKeys } from "../../lua/keys.ts";
import { type RedisCluster, startRedisCluster } from "../support/redis-cluster.ts";
import { until } from "../support/until.ts";
import { type ConsumerWorld, createWorld, WORLD_MS } from "./world.ts";

let cluster: RedisCluster;
let world: ConsumerWorld;
beforeAll(async () => {
  cluster = await startRedisCluster();
  world = await createWorld({ redisUrl: cluster.url, environment: { LEDGER_AGE_MS: "3600000" } });
}, WORLD_MS);
afterAll(async () => {
  await world?.close();
  await cluster?.remove();
}, 180_000);

test("on a Redis Cluster the tail settles sales of every master, announced or found", async () => {
  const sales = await Promise.all(Array.from({ length: 12 }, () => world.newSale(10)));
  for (const couponId of sales) await world.load(couponId);
  const relay = startRelay(world.neighbours);
  await Promise.all(sales.map((couponId) => world.claimBy("redis", couponId, "found")));
  const empty = async () =>
    (await Promise.all(sales.map((id) => world.redis.xlen(saleKeys(id).ledger)))).every((n) => n === 0);
  await until("the look finds them", empty);
  await relay.stop(1_000);

  const onlyWoken = startRelay({ ...world.neighbours, config: { ...world.config, RELAY_EVERY_MS: 60_000 } });
  await Bun.sleep(500); // its only look is over
  for (const couponId of sales) {
    await world.claimBy("redis", couponId, "announced");
    await world.redis.publish(LEDGER_CHANNEL, couponId);
  }
  await until("the announced ones are settled", empty);
  await onlyWoken.stop(1_000);
  for (const couponId of sales) expect(await world.rows(couponId)).toHaveLength(2);
}, 180_000);
