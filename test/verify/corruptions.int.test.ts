import { afterAll, beforeAll, expect, test } from "bun:test";
import { revokeClaim } from "../../db/claims/revoke.ts";
import type { Sql } from "../../db/client.ts";
import type { RedisConnection } from "../../lua/redis.ts";
import type { CheckName } from "../../verify/check.ts";
import { findCheck } from "../../verify/verify.ts";
import { verify } from "../support/verify.ts";
import { createHealthySale, type HealthySale } from "./healthy-sale.ts";
import { type VerifyServices, verifyServices } from "./services.ts";

let services: VerifyServices;
beforeAll(async () => {
  services = await verifyServices();
  // Corruptions that the database forbids must be planted all the same: it may have been restored from elsewhere.
  const { sql } = services.database;
  await sql`ALTER TABLE user_coupons DISABLE TRIGGER USER`;
  await sql`ALTER TABLE user_coupons DROP CONSTRAINT user_coupons_request`;
  await sql`ALTER TABLE user_coupons DROP CONSTRAINT user_coupons_slot_positive`;
  await sql`DROP INDEX user_coupons_user, user_coupons_slot`;
}, 180_000);
afterAll(() => services?.close());

async function failedChecks(sale: HealthySale, consumersUp = true) {
  const { env, readers } = services;
  const options = { couponId: sale.couponId, recheckMs: 20, patienceMs: 0, consumersUp, readers };
  const { ok, checks } = await verify(env, options);
  const failed = checks.filter((check) => !check.ok);
  expect(ok).toBe(failed.length === 0);
  return failed;
}
const failedNames = async (sale: HealthySale) => (await failedChecks(sale)).map((check) => check.name).sort();

test("a sale with persisted, pending and given-up claims is healthy", async () => {
  const sale = await createHealthySale(services.redis, services.database.sql);
  expect(await failedChecks(sale)).toEqual([]);
});

test("a sold-out sale is healthy", async () => {
  const sale = await createHealthySale(services.redis, services.database.sql, { soldOut: true });
  expect(await failedChecks(sale)).toEqual([]);
});

interface Place {
  readonly sale: HealthySale;
  readonly sql: Sql;
  readonly redis: RedisConnection;
}
interface Corruption {
  readonly what: string;
  readonly soldOut?: boolean;
  readonly plant: (place: Place) => Promise<unknown>;
  readonly named: CheckName[];
}

const request = (sale: HealthySale, name: string) => `${sale.couponId}-00000000000000${name}`;
const addRow = ({ sql, sale }: Place, user: string, slot: number, requestId = request(sale, "new0")) =>
  sql`INSERT INTO user_coupons (coupon_id, user_id, slot, request_id, epoch)
    VALUES (${sale.couponId}, ${user}, ${slot}, ${requestId}, 1)`;

const corruptions: Corruption[] = [
  {
    what: "a row more than the sale has",
    soldOut: true,
    plant: (place) => addRow(place, "stranger", place.sale.total + 1),
    named: ["row-known", "rows-within-total", "slots-within-total"],
  },
  {
    what: "a row whose slot lies beyond the total",
    plant: ({ sql, sale }) =>
      sql`UPDATE user_coupons SET slot = ${sale.total + 5} WHERE request_id = ${sale.claims[3]!.requestId}`,
    named: ["slots-within-total", "winner-agrees"],
  },
  {
    what: "a winner in Redis only, with an empty ledger",
    plant: ({ redis, sale }) => redis.del(sale.keys.ledger),
    named: ["winner-persisted"],
  },
  {
    what: "a winner whose row is gone",
    plant: ({ sql, sale }) => sql`DELETE FROM user_coupons WHERE request_id = ${sale.claims[2]!.requestId}`,
    named: ["issued-has-row", "winner-persisted"],
  },
  {
    what: "a sold-out sale with one coupon that no user got",
    soldOut: true,
    plant: async ({ redis, sql, sale }) => {
      await redis.hdel(sale.keys.winners, sale.claims[1]!.userId);
      await redis.hdel(sale.keys.status, sale.claims[1]!.requestId);
      await sql`DELETE FROM user_coupons WHERE request_id = ${sale.claims[1]!.requestId}`;
    },
    named: ["nothing-withheld", "slots-accounted"],
  },
  {
    what: "a winner in PostgreSQL only",
    plant: ({ redis, sale }) => redis.hdel(sale.keys.winners, sale.claims[4]!.userId),
    named: ["row-known"],
  },
  {
    what: "a request told ISSUED without a row",
    plant: ({ redis, sale }) => redis.hset(sale.keys.status, request(sale, "none"), "ISSUED 3"),
    named: ["issued-has-row"],
  },
  {
    what: "a request told FAILED with an active row",
    plant: ({ redis, sale }) => redis.hset(sale.keys.status, sale.claims[0]!.requestId, "FAILED REVOKED"),
    named: ["failed-has-no-row"],
  },
  {
    what: "a slot listed twice as freed",
    plant: ({ redis, sale }) => redis.rpush(sale.keys.freed, String(sale.claims.at(-1)!.slot)),
    named: ["freed-once"],
  },
  {
    what: "a freed slot that has a holder",
    plant: ({ redis, sale }) => redis.rpush(sale.keys.freed, String(sale.claims[0]!.slot)),
    named: ["freed-not-held"],
  },
  {
    what: "a freed slot that was never handed out",
    plant: ({ redis, sale }) => redis.rpush(sale.keys.freed, "19"),
    named: ["slots-accounted"],
  },
  {
    what: "a freed slot below 1",
    plant: ({ redis, sale }) => redis.rpush(sale.keys.freed, "0"),
    named: ["slots-within-total"],
  },
  {
    what: "a freed slot that is no number",
    plant: ({ redis, sale }) => redis.rpush(sale.keys.freed, "abc"),
    named: ["slots-within-total"],
  },
  {
    what: "a next that is one too high",
    plant: ({ redis, sale }) => redis.hincrby(sale.keys.sale, "next", 1),
    named: ["slots-accounted"],
  },
  {
    what: "a next that is one too low",
    plant: ({ redis, sale }) => redis.hincrby(sale.keys.sale, "next", -1),
    named: ["slots-accounted"],
  },
  {
    what: "two rows of one user",
    plant: (place) => addRow(place, place.sale.claims[0]!.userId, 19),
    named: ["one-per-user"],
  },
  {
    what: "two rows with one slot",
    plant: async ({ sql, sale }) => {
      await sql`UPDATE user_coupons SET slot = 1 WHERE request_id = ${sale.claims[1]!.requestId}`;
    },
    named: ["slots-unique", "winner-agrees"],
  },
  {
    what: "two winners with one slot in Redis",
    plant: ({ redis, sale }) => redis.hset(sale.keys.winners, sale.claims[1]!.userId, `1 ${sale.claims[1]!.requestId}`),
    named: ["redis-slots-unique", "winner-agrees"],
  },
  {
    what: "a winner under another request than PostgreSQL has",
    plant: ({ redis, sale }) =>
      redis.hset(sale.keys.winners, sale.claims[5]!.userId, `${sale.claims[5]!.slot} ${request(sale, "0thr")}`),
    named: ["winner-agrees"],
  },
  {
    what: "an active row beside the tombstone of the same request",
    plant: ({ sql, sale }) =>
      sql`INSERT INTO user_coupons (coupon_id, user_id, request_id, epoch, status)
        VALUES (${sale.couponId}, ${sale.claims[0]!.userId}, ${sale.claims[0]!.requestId}, 1, 'REVOKED')`,
    named: ["tombstone-final"],
  },
  {
    what: "a winner in Redis whose claim was given up",
    plant: ({ redis, sale }) => {
      const { userId, slot, requestId } = sale.claims.at(-1)!;
      return redis
        .multi()
        .lrem(sale.keys.freed, 0, String(slot))
        .hset(sale.keys.winners, userId, `${slot} ${requestId}`)
        .exec();
    },
    named: ["tombstone-holds-nothing"],
  },
  {
    what: "a revocation that is not carried out",
    plant: async ({ sql, sale }) => {
      const { requestId } = sale.claims[3]!;
      await revokeClaim(sql, { couponId: sale.couponId, requestId, actor: "olga", why: "planted" }, null);
      await sql`UPDATE revocations SET created_at = now() - interval '1 minute' WHERE request_id = ${requestId}`;
      await sql`UPDATE coupons SET updated_at = now() - interval '1 minute' WHERE id = ${sale.couponId}`;
    },
    named: ["revocations-move"],
  },
  {
    what: "one request in two rows",
    plant: ({ sql, sale }) =>
      sql`UPDATE user_coupons SET request_id = ${sale.claims[0]!.requestId}
        WHERE request_id = ${sale.claims[1]!.requestId}`,
    named: ["issued-has-row", "one-row-per-request", "winner-agrees"],
  },
  {
    what: "an alias that leads nowhere",
    plant: ({ sql, sale }) =>
      sql`INSERT INTO request_aliases (request_id, coupon_id, user_id, original_request_id)
        VALUES (${request(sale, "a1as")}, ${sale.couponId}, 'user-1', ${request(sale, "gone")})`,
    named: ["alias-resolves"],
  },
  {
    what: "an epoch that Redis does not share",
    plant: ({ sql, sale }) => sql`UPDATE coupons SET epoch = 7 WHERE id = ${sale.couponId}`,
    named: ["epoch-agrees"],
  },
  {
    what: "a total that Redis does not share",
    plant: ({ redis, sale }) => redis.hset(sale.keys.sale, "total", "30"),
    named: ["terms-agree"],
  },
  {
    what: "a running sale that Redis forgot",
    plant: ({ redis, sale }) => redis.del(...Object.values(sale.keys)),
    named: ["sale-loaded"],
  },
  {
    what: "a claim stuck in the ledger",
    plant: async ({ redis, sale }) => {
      const { userId, requestId, slot } = sale.claims.at(-2)!;
      await redis.del(sale.keys.ledger);
      const fields = ["u", userId, "r", requestId, "s", String(slot), "e", "1"];
      await redis.xadd(sale.keys.ledger, `${Date.now() - 60_000}-1`, ...fields);
    },
    named: ["ledger-moves"],
  },
];

for (const { what, soldOut, plant, named } of corruptions) {
  test(`${what} is named, and nothing else is accused`, async () => {
    const { redis, database } = services;
    const sale = await createHealthySale(redis, database.sql, { soldOut: soldOut ?? false });
    await plant({ sale, sql: database.sql, redis });
    expect(await failedNames(sale)).toEqual(named);
    await redis.del(...Object.values(sale.keys));
  });
}

test("a dead letter that was given up is named for its own sale and for the whole, and no other sale is blamed", async () => {
  const { redis, database, env, readers } = services;
  const [sale, other] = [await createHealthySale(redis, database.sql), await createHealthySale(redis, database.sql)];
  const value = Buffer.from(`\xff{"couponId":"${sale.couponId}"`, "latin1");
  await database.sql`
    INSERT INTO dead_letters (event_id, topic, partition, "offset", value, error_code, error_message, status)
    VALUES ('letter-1', 'coupon-issue-requests', 0, 1, ${value}, 'INTERNAL', 'planted', 'EXHAUSTED'),
           ('letter-2', 'coupon-issue-requests', 0, 2, ${value}, 'INTERNAL', 'planted', 'DISCARDED'),
           ('letter-3', 'coupon-issue-requests', 0, 3, ${value}, 'INTERNAL', 'planted', 'REPUBLISHED')`;
  const own = await failedChecks(sale);
  const others = await failedChecks(other);
  const whole = await verify(env, { recheckMs: 20, patienceMs: 0, consumersUp: false, readers });
  await database.sql`DELETE FROM dead_letters`;
  const named = { name: "no-dead-letters", promise: 2, count: 1, examples: ["letter-1 on coupon-issue-requests"] };
  expect(own).toMatchObject([named]);
  expect(others).toEqual([]);
  expect(findCheck(whole, "no-dead-letters")).toMatchObject(named);
});

test("a dead letter that will be sent again is told of; one whose date is long past is named while consumers run", async () => {
  const { redis, database, env, readers } = services;
  const { couponId } = await createHealthySale(redis, database.sql);
  const plant = (dueInS: number | null) => database.sql`
    INSERT INTO dead_letters
      (event_id, topic, partition, "offset", error_code, error_message, updated_at, next_attempt_at)
    VALUES (${`${couponId}-${dueInS}`}, 'coupon-events', 0, 1, 'INTERNAL', 'planted', now() - interval '1 hour',
            now() + ${dueInS}::int * interval '1 second')`;
  const look = async (consumersUp: boolean) => {
    const report = await verify(env, { couponId, recheckMs: 20, patienceMs: 0, consumersUp, readers });
    return findCheck(report, "dead-letters-move");
  };
  expect(await look(true)).toMatchObject({ ok: true, promise: 2, examined: 0 });
  await plant(3_600);
  await plant(7_200);
  expect(await look(true)).toMatchObject({ ok: true, examined: 2, examples: [] });
  expect((await look(true))?.detail).toMatch(/^2 dead letters wait to be sent again, the next in (59 min|1 h)$/);
  await plant(-1_800);
  await plant(null); // due since it was written
  const late = [`${couponId}-null on coupon-events: due 1 h ago`, `${couponId}--1800 on coupon-events: due 30 min ago`];
  expect(await look(true)).toMatchObject({ ok: false, count: 2, examined: 4, examples: late });
  expect(await look(false)).toMatchObject({ ok: true, examined: 4 });
  expect((await look(false))?.detail).toBe("4 dead letters wait to be sent again; no consumers are running");
  await database.sql`DELETE FROM dead_letters`;
});

test("coupons of a sale that is gone are named, asked about it or about all", async () => {
  const { redis, database, env, readers } = services;
  const sale = await createHealthySale(redis, database.sql);
  await database.sql`DELETE FROM coupons WHERE id = ${sale.couponId}`;
  const own = await failedChecks(sale);
  const whole = await verify(env, { recheckMs: 20, patienceMs: 0, consumersUp: false, readers });
  await database.sql`DELETE FROM user_coupons WHERE coupon_id = ${sale.couponId}`;
  const named = { name: "sale-known", promise: 1, count: 1, examples: [`there is no sale ${sale.couponId}`] };
  expect(own).toMatchObject([named]);
  expect(findCheck(whole, "sale-known")).toMatchObject(named);
});

test("a revocation that is being carried out is no violation, also of a claim with another name", async () => {
  const { redis, database } = services;
  const sale = await createHealthySale(redis, database.sql, { soldOut: true });
  const { requestId } = sale.claims[0]!; // the one with an alias
  await revokeClaim(database.sql, { couponId: sale.couponId, requestId, actor: "olga", why: "a test" }, null);
  expect(await failedChecks(sale)).toEqual([]);
});

test("a sale whose key was overwritten is named, and the other checks are made all the same", async () => {
  const sale = await createHealthySale(services.redis, services.database.sql);
  const key = `{c:${sale.couponId}}:status`;
  await services.redis.del(key);
  await services.redis.set(key, "1");
  const failed = await failedChecks(sale);
  expect(failed.map(({ name }) => name)).toEqual(["sale-readable"]);
  expect(failed[0]!.examples![0]).toContain(sale.couponId);
});

test("a deferred claim of an open sale is stuck after a minute and a half, of a paused one never", async () => {
  const sale = await createHealthySale(services.redis, services.database.sql);
  const { sql } = services.database;
  await sql`
    INSERT INTO deferred_claims (request_id, coupon_id, user_id, slot, epoch, ledger_id, due_at, deferred_at)
    VALUES (${`${sale.couponId}-000000000000000009`}, ${sale.couponId}, 'zoe', 1, 1, '0-0', now(), now() - interval '10 minutes')`;
  await sql`UPDATE coupons SET updated_at = now() - interval '10 minutes' WHERE id = ${sale.couponId}`;
  expect(await failedNames(sale)).toEqual(["deferred-claims-move"]);
  await sql`UPDATE coupons SET state = 'PAUSED' WHERE id = ${sale.couponId}`;
  expect(await failedNames(sale)).not.toContain("deferred-claims-move");
});

test("a stuck claim is no failure while no consumer runs", async () => {
  const { redis, database } = services;
  const sale = await createHealthySale(redis, database.sql);
  await redis.del(sale.keys.ledger);
  const { userId, requestId, slot } = sale.claims.at(-2)!;
  await redis.xadd(sale.keys.ledger, "1000-1", "u", userId, "r", requestId, "s", String(slot), "e", "1");
  expect(await failedChecks(sale, false)).toEqual([]);
});

test("a claim whose record waits in the log is pending, not lost", async () => {
  const { redis, database, kafka } = services;
  const sale = await createHealthySale(redis, database.sql);
  const pending = sale.claims.at(-2)!;
  const producer = kafka.producer();
  const value = JSON.stringify({ type: "CouponClaimed", data: pending });
  await producer.send({ topic: "coupon-issue-requests", value });
  await producer.close();
  await redis.del(sale.keys.ledger);
  expect(await failedChecks(sale, false)).toEqual([]);
});

test("examples name the requests", async () => {
  const { redis, database } = services;
  const sale = await createHealthySale(redis, database.sql);
  await database.sql`DELETE FROM user_coupons WHERE request_id = ${sale.claims[2]!.requestId}`;
  const lost = (await failedChecks(sale)).find((check) => check.name === "winner-persisted");
  expect(lost).toMatchObject({ count: 1, examples: [`sale ${sale.couponId}: ${sale.claims[2]!.requestId}`] });
});

// Last: what it leaves in the log lies there for good.
test("a group that is behind and stands still while consumers run is named; without consumers it is only told", async () => {
  const { redis, database, kafka, env, readers } = services;
  const { couponId } = await createHealthySale(redis, database.sql);
  const producer = kafka.producer();
  await producer.send({ topic: "coupon-events", value: "{}" });
  await producer.close();
  const lagOf = async (consumersUp: boolean) =>
    findCheck(await verify(env, { couponId, recheckMs: 20, patienceMs: 100, consumersUp, readers }), "lag-moves");
  expect(await lagOf(true)).toMatchObject({ ok: false });
  const told = await lagOf(false);
  expect(told).toMatchObject({ ok: true });
  expect(told?.detail).toEndWith(`${readers.news.groupId} 1; no consumers are running`);
});
