import { afterAll, beforeAll, expect, test } from "bun:test";
import { type CouponId, newRequestId, type RequestId, type UserId } from "../../contracts/wire/ids.ts";
import { findRequest } from "../../db/claims/find.ts";
import { findReopening } from "../../db/sales/reopening.ts";
import { redisRequests } from "../../gateway/claims/redis-requests.ts";
import { requestStatus } from "../../gateway/claims/request-status.ts";
import { createSaleRecovering } from "../../gateway/sales/recovering.ts";
import { createWhyNotLoaded } from "../../gateway/sales/why-not-loaded.ts";
import { saleKeys } from "../../lua/keys.ts";
import { noteAsking, notePending } from "../../lua/pending-requests.ts";
import { createRedis, type RedisConnection } from "../../lua/redis.ts";
import { type ConsumerWorld, createWorld, WORLD_MS } from "./world.ts";

// What was answered 202 is PENDING until it is decided and in PostgreSQL, however long ago its sale ended.
let world: ConsumerWorld;
beforeAll(async () => {
  world = await createWorld();
}, WORLD_MS);
afterAll(() => world.close());

const ANN = "ann" as UserId;
const newWhyNotLoaded = () =>
  createWhyNotLoaded(
    (couponId) => findReopening(world.db.sql, couponId),
    1_000,
    () => {},
  );

function statusOf(requestId: RequestId, redis: RedisConnection = world.redis) {
  const sources = {
    inRedis: redisRequests(redis),
    inDatabase: (id: RequestId, userId: UserId) => findRequest(world.db.sql, id, userId),
    whyNotLoaded: newWhyNotLoaded(),
  };
  return requestStatus(sources, requestId, ANN, () => {});
}

/** As if the sale had ended two hours ago. */
async function end(couponId: CouponId): Promise<void> {
  const at = new Date(Date.now() - 7_200_000);
  await world.db
    .sql`UPDATE coupons SET starts_at = ${new Date(at.getTime() - 1_000)}, ends_at = ${at} WHERE id = ${couponId}`;
  await world.redis.hset(saleKeys(couponId).sale, "endsAt", at.getTime());
}
const leave = (couponId: CouponId) => world.db.sql`UPDATE coupons SET left_redis_at = now() WHERE id = ${couponId}`;

test("a request of a queued sale that was paused before its end is PENDING two hours later", async () => {
  const couponId = await world.newSale(10, -1_000, "QUEUED");
  await world.load(couponId);
  const requestId = newRequestId(couponId, Date.now() - 60_000);
  expect((await noteAsking(world.redis, couponId, requestId, ANN, true)).kind).toBe("noted");
  await notePending(world.redis, couponId, requestId, ANN);
  await world.settling.scripts.setState(couponId, "PAUSED");
  await world.db.sql`UPDATE coupons SET state = 'PAUSED' WHERE id = ${couponId}`;
  await end(couponId);
  expect(await statusOf(requestId)).toMatchObject({ status: "PENDING" });
});

test("with Redis away, an accepted claim of a sale that ended two hours ago is PENDING until it is persisted", async () => {
  const couponId = await world.newSale(10);
  await world.load(couponId);
  const [claim] = await world.claim(couponId, "ann");
  await end(couponId);
  const away = createRedis("redis://127.0.0.1:1");
  try {
    expect(await statusOf(claim!.requestId, away)).toMatchObject({ status: "PENDING" });
    await world.settle([claim!]);
    expect(await statusOf(claim!.requestId, away)).toMatchObject({ status: "ISSUED", slot: claim!.slot });
  } finally {
    away.disconnect();
  }
});

test("once an ended sale has left Redis, an unknown request is 404 and an operator's order final; before, neither is", async () => {
  const couponId = await world.newSale(10);
  await end(couponId);
  const unknown = newRequestId(couponId, Date.now());
  const toldOperator = async () => (await createSaleRecovering(newWhyNotLoaded())(couponId)).code;
  expect(await statusOf(unknown)).toMatchObject({ status: "PENDING" });
  expect(await toldOperator()).toBe("SALE_RECOVERING");
  await leave(couponId);
  expect(await statusOf(unknown)).toBeNull();
  expect(await toldOperator()).toBe("CONFLICT");
  await world.db.sql`UPDATE coupons SET load_state = 'RECOVERING' WHERE id = ${couponId}`;
  expect(await statusOf(unknown)).toMatchObject({ status: "PENDING" });
});
