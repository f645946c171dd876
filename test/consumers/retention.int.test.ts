import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { startRelay } from "../../consumers/claims/relay/start.ts";
import { leftOutOf } from "../../consumers/engine/left-out-of.ts";
import { requestsWait } from "../../consumers/retention/requests-wait.ts";
import { type KindReport, previewRetention, retain } from "../../consumers/retention/round.ts";
import { type RetentionSetting, ROW_RULES } from "../../consumers/retention/rules.ts";
import { startRetention } from "../../consumers/retention/start.ts";
import { Loader } from "../../consumers/sales/loader.ts";
import { type CouponId, newRequestId, type UserId } from "../../contracts/wire/ids.ts";
import { oldestQuery } from "../../db/retention/expired-rows.ts";
import { requestRecord } from "../../gateway/claims/queue.ts";
import { saleKeys } from "../../lua/keys.ts";
import { noteAsking, notePending } from "../../lua/pending-requests.ts";
import { createRedis } from "../../lua/redis.ts";
import { readSale } from "../../lua/sale-reading.ts";
import { freePort } from "../support/free-port.ts";
import { until } from "../support/until.ts";
import { type ConsumerWorld, createWorld, WORLD_MS } from "./world.ts";

let world: ConsumerWorld;
beforeAll(async () => {
  world = await createWorld();
}, WORLD_MS);
afterAll(() => world.close());

const never = new AbortController().signal;
const deleted: Record<string, number> = {};
let stuck = 0;
let askLog = async () => false;
beforeEach(() => {
  for (const kind of Object.keys(deleted)) delete deleted[kind];
});

/** Everything may go at once; sales after the shortest time that a loader knows. */
const AT_ONCE = {
  ...(Object.fromEntries(ROW_RULES.map(({ setting }) => [setting, 0])) as Record<RetentionSetting, number>),
  SALE_KEEP_HOURS: 1,
};
function round(settings: Partial<Record<RetentionSetting, number>> = {}): Promise<KindReport[]> {
  const observe = {
    deleted(kind: string, rows: number) {
      deleted[kind] = (deleted[kind] ?? 0) + rows;
    },
    oldest() {},
    stuckSales(sales: number) {
      stuck = sales;
    },
  };
  const { redis, log } = world;
  return retain(
    { sql: world.db.sql, redis, requestsWait: askLog, settings: { ...AT_ONCE, ...settings }, log, observe },
    never,
  );
}

/** As if the sale had ended two hours ago, in PostgreSQL and in Redis. */
async function end(couponId: CouponId): Promise<void> {
  const at = new Date(Date.now() - 7_200_000);
  await world.db
    .sql`UPDATE coupons SET starts_at = ${new Date(at.getTime() - 1_000)}, ends_at = ${at} WHERE id = ${couponId}`;
  await world.redis.hset(saleKeys(couponId).sale, "endsAt", at.getTime());
}
async function endedSale(users: readonly string[], settle = true): Promise<CouponId> {
  const couponId = await world.newSale(10);
  await world.load(couponId);
  const claims = await world.claim(couponId, ...users);
  if (settle) await world.settle(claims);
  await end(couponId);
  return couponId;
}
const keysOf = async (couponId: CouponId) => (await world.redis.keys(`{c:${couponId}}:*`)).length;
const leftOf = async (couponId: CouponId) =>
  (await world.db.sql`SELECT left_redis_at IS NOT NULL AS left, issued FROM coupons WHERE id = ${couponId}`)[0]!;

test("an ended sale leaves Redis with all its keys, and no loader brings it back", async () => {
  const couponId = await endedSale(["ann", "bob"]);
  const running = await world.newSale(10);
  await world.load(running);
  await world.redis.hset(saleKeys(couponId).asked, "cem", "a request that nobody logged");
  expect(await keysOf(couponId)).toBeGreaterThan(3);
  await round();
  expect(await keysOf(couponId)).toBe(0);
  expect(await leftOf(couponId)).toEqual({ left: true, issued: 2 });
  expect(deleted["ended-sales"]).toBe(1);
  expect(await readSale(world.redis, running)).not.toBeNull();
  const epochs = () => world.db.sql`SELECT id, epoch, load_state FROM coupons ORDER BY id`.then((rows) => [...rows]);
  const before = await epochs();
  const loader = new Loader({
    sql: world.db.sql,
    leases: world.db.leases,
    loading: world.loading,
    scripts: world.settling.scripts,
    persistLedger: async () => ({ held: 0, entries: 0, refused: 0 }),
    drain: async () => true,
    messageTimeoutMs: 1_000,
    keepHours: 1,
    log: world.log,
    recovered() {},
    leftOut: leftOutOf("sale-loader", world.neighbours),
  });
  for (let look = 0; look < 3; look++) await loader.look(never);
  await loader.settled();
  expect(await epochs()).toEqual(before);
  expect(await keysOf(couponId)).toBe(0);
  await round();
  expect(deleted["ended-sales"]).toBe(1); // once
});

test("a sale stays as long as Redis knows something that PostgreSQL does not", async () => {
  const unsettled = await endedSale(["cem"], false);
  const forgotten = await endedSale(["dan"]);
  await world.redis.hset(saleKeys(forgotten).winners, "eve", "2 somebody");
  const broken = await endedSale(["fay"]);
  await world.redis.del(saleKeys(broken).winners);
  await world.redis.set(saleKeys(broken).winners, "no hash");
  const good = await endedSale(["gil"]);
  await round();
  for (const id of [unsettled, forgotten, broken]) {
    expect(await keysOf(id)).toBeGreaterThan(1);
    expect((await leftOf(id)).left).toBe(false);
  }
  expect(stuck).toBe(3);
  const [complaint] = world.lines.filter(({ message }) => message.startsWith("ended sales stay"));
  expect(JSON.stringify(complaint!.fields)).toMatch(/LEDGER_NOT_EMPTY|WINNERS_DIFFER|BROKEN/);
  expect(await keysOf(good)).toBe(0); // its neighbours' trouble is not its own
  await world.redis.del(saleKeys(broken).winners, saleKeys(unsettled).ledger);
  await world.redis.hdel(saleKeys(forgotten).winners, "eve");
});

test("a sale that is not over for long enough, is being rebuilt, has a revocation open, or waits in the log stays", async () => {
  const [young, fenced, revoked, waiting] = [
    await endedSale(["ann"]),
    await endedSale(["ann"]),
    await endedSale(["ann"]),
    await endedSale(["ann"]),
  ];
  const { sql } = world.db;
  await sql`UPDATE coupons SET load_state = 'RECOVERING' WHERE id = ${fenced}`;
  await sql`INSERT INTO revocations (request_id, coupon_id, user_id, actor, why) VALUES (${`r-${revoked}`}, ${revoked}, 'ann', 'olga', 'test')`;
  await sql`UPDATE coupons SET issue_mode = 'QUEUED', state = 'PAUSED' WHERE id = ${waiting}`;
  await world.redis.hset(saleKeys(young).sale, "endsAt", Date.now() - 1_000); // Redis was told of a later end
  await round();
  for (const id of [young, fenced, revoked, waiting]) expect((await leftOf(id)).left).toBe(false);
  await round({ SALE_KEEP_HOURS: 24 });
  for (const id of [young, fenced, revoked, waiting]) expect(await keysOf(id)).toBeGreaterThan(1);
});

test("a ledger that outlived SALE_KEEP_HOURS is settled by the relay, and then the sale leaves", async () => {
  const couponId = await endedSale(["ann", "bob"], false);
  await world.db
    .sql`UPDATE coupons SET ends_at = ends_at - interval '30 days', starts_at = starts_at - interval '30 days' WHERE id = ${couponId}`;
  await round();
  expect((await leftOf(couponId)).left).toBe(false);
  const relay = startRelay(world.neighbours);
  await until("the ledger is empty", async () => (await world.redis.xlen(saleKeys(couponId).ledger)) === 0);
  await relay.stop(1_000);
  expect(await world.rows(couponId)).toHaveLength(2);
  expect(world.events(couponId).map(({ type }) => type)).toEqual(["CouponIssued", "CouponIssued"]);
  await round();
  expect(await leftOf(couponId)).toEqual({ left: true, issued: 2 });
});

/** A queued sale that ended two hours ago, with two requests that came in time and are not decided. */
async function undecidedSale(topic: string): Promise<CouponId> {
  const couponId = await world.newSale(2, -10_800_000, "QUEUED");
  await world.load(couponId);
  for (const userId of ["ann", "bob"] as UserId[]) {
    const claim = { couponId, userId, requestId: newRequestId(couponId, Date.now()) };
    await noteAsking(world.redis, couponId, claim.requestId, userId, true);
    await world.rawProducer.sendAll([{ topic, key: couponId, value: requestRecord(claim, new Date()) }]);
    await notePending(world.redis, couponId, claim.requestId, userId);
  }
  await end(couponId);
  return couponId;
}

test("a queued sale stays while requests of it wait in the log: the role that decides is away, or it was paused until now", async () => {
  await round();
  const stuckBefore = stuck;
  const topic = await world.newTopic(1, { "message.timestamp.type": "LogAppendTime" });
  const setState = async (couponId: CouponId, state: "OPEN" | "PAUSED") => {
    await world.db.sql`UPDATE coupons SET state = ${state} WHERE id = ${couponId}`;
    await world.settling.scripts.setState(couponId, state);
  };
  const [late, paused] = [await undecidedSale(topic), await undecidedSale(topic)];
  await setState(paused, "PAUSED");
  await round();
  await setState(paused, "OPEN"); // and the next round comes before role coupon-decide's next try
  await round();
  expect(stuck).toBe(stuckBefore); // they wait, and nothing is wrong
  for (const couponId of [late, paused]) {
    expect((await leftOf(couponId)).left).toBe(false);
    // The log's time is now and cannot be set two hours back: Redis' end is where it was.
    await world.redis.hset(saleKeys(couponId).sale, "endsAt", Date.now() + 3_600_000);
  }
  world.run(world.decideRole(), topic);
  for (const couponId of [late, paused]) {
    await until("they are issued", async () => (await world.rows(couponId)).length === 2);
    await until("the ledger is empty", async () => (await world.redis.xlen(saleKeys(couponId).ledger)) === 0);
    await end(couponId);
  }
  await round();
  for (const couponId of [late, paused]) expect(await leftOf(couponId)).toEqual({ left: true, issued: 2 });
});

test("a queued sale whose notes were lost with Redis stays until all of the log is decided", async () => {
  const topic = await world.newTopic(1, { "message.timestamp.type": "LogAppendTime" });
  askLog = () => requestsWait(world.admin, topic, `group-${topic}`);
  const couponId = await undecidedSale(topic);
  await world.redis.del(...Object.values(saleKeys(couponId)));
  await world.load(couponId, 2);
  await round();
  expect((await leftOf(couponId)).left).toBe(false);
  await world.redis.hset(saleKeys(couponId).sale, "endsAt", Date.now() + 3_600_000);
  world.run(world.decideRole(), topic);
  await until("the log is decided", async () => (await world.lag(topic)) === 0);
  await end(couponId);
  await round();
  expect(await leftOf(couponId)).toEqual({ left: true, issued: 2 });
  askLog = async () => false;
});

test("rows that may go, go; what is open, or of a sale that is still in Redis, stays", async () => {
  const { sql } = world.db;
  const gone = await endedSale(["ann"]);
  await round();
  const there = await world.newSale(3);
  const hourAgo = new Date(Date.now() - 3_600_000);
  for (const coupon of [gone, there]) {
    await sql`INSERT INTO refused_requests (request_id, coupon_id, user_id, reason, refused_at) VALUES (${`x-${coupon}`}, ${coupon}, 'u', 'SOLD_OUT', ${hourAgo})`;
    await sql`INSERT INTO request_aliases (request_id, coupon_id, user_id, original_request_id, created_at) VALUES (${`y-${coupon}`}, ${coupon}, 'ann', 'r', ${hourAgo})`;
  }
  await sql`INSERT INTO operator_requests (actor, idempotency_key, request_hash, answer, at) VALUES ('olga', 'k', 'h', '{}', ${hourAgo})`;
  for (const status of ["PENDING", "REPUBLISHED", "EXHAUSTED", "DISCARDED"]) {
    await sql`INSERT INTO dead_letters (event_id, topic, partition, "offset", error_code, error_message, status, updated_at)
      VALUES (${`e-${status}`}, 't', 0, 0, 'C', 'm', ${status}, ${hourAgo})`;
  }
  // GET /me/coupons shows its owner the slot that it had.
  await sql`INSERT INTO revocations (request_id, coupon_id, user_id, actor, why, slot, released_at, done_at) VALUES ('done', 'c', 'u', 'olga', 'w', 1, ${hourAgo}, ${hourAgo})`;
  const wouldGo = await previewRetention({ sql, settings: AT_ONCE });
  delete deleted["ended-sales"];
  await round();
  expect(
    Object.fromEntries(
      wouldGo.filter(({ kind, rows }) => rows > 0 && kind !== "ended-sales").map(({ kind, rows }) => [kind, rows]),
    ),
  ).toEqual(deleted);
  expect(deleted).toEqual({
    "refused-requests": 1,
    "request-aliases": 1,
    "operator-keys": 1,
    "dead-letters": 2,
  });
  const left = await sql`SELECT status FROM dead_letters ORDER BY status`;
  expect(left.map(({ status }) => status)).toEqual(["EXHAUSTED", "PENDING"]);
  expect((await sql`SELECT coupon_id FROM refused_requests`).map((row) => row.coupon_id)).toEqual([there]);
  expect(await sql`SELECT FROM revocations WHERE request_id = 'done'`).toHaveLength(1);
});

test("nothing goes before its time, and a dry run takes nothing", async () => {
  const { sql } = world.db;
  await sql`INSERT INTO operator_requests (actor, idempotency_key, request_hash, answer, at) VALUES ('olga', 'young', 'h', '{}', now())`;
  await sql`INSERT INTO operator_requests (actor, idempotency_key, request_hash, answer, at)
    SELECT 'olga', 'old ' || n, 'h', '{}', now() - interval '40 days' FROM generate_series(1, 1200) n`;
  const days = { RETENTION_OPERATOR_KEYS_DAYS: 30 };
  const preview = await previewRetention({ sql, settings: { ...AT_ONCE, ...days } });
  expect(preview.find(({ kind }) => kind === "operator-keys")!.rows).toBe(1_200);
  expect((await sql`SELECT count(*)::int AS n FROM operator_requests`)[0]!.n).toBe(1_201);
  await round(days);
  expect(deleted["operator-keys"]).toBe(1_200); // three batches
  expect((await sql`SELECT idempotency_key AS key FROM operator_requests`).map(({ key }) => key)).toEqual(["young"]);
});

test("rows that are locked are passed by, and taken by a later round", async () => {
  const { sql } = world.db;
  await sql`DELETE FROM operator_requests`;
  await sql`INSERT INTO operator_requests (actor, idempotency_key, request_hash, answer, at) VALUES ('olga', 'a', 'h', '{}', now() - interval '1 day'), ('olga', 'b', 'h', '{}', now() - interval '1 day')`;
  await sql.begin(async (tx) => {
    await tx`SELECT FROM operator_requests WHERE idempotency_key = 'a' FOR UPDATE`;
    await round();
  });
  expect((await sql`SELECT idempotency_key AS key FROM operator_requests`).map(({ key }) => key)).toEqual(["a"]);
  await round();
  expect(await sql`SELECT FROM operator_requests`).toHaveLength(0);
});

/** Orders that settled two days ago, with their payments and sagas. */
async function settledOrders(...ids: string[]): Promise<void> {
  const { sql } = world.db;
  for (const id of ids) {
    await sql`INSERT INTO orders (id, user_id, status, total_amount, payable_amount, payment, settled_at)
      VALUES (${id}, 'u', 'COMPLETED', 1, 1, '{}', now() - interval '2 days')`;
    await sql`INSERT INTO payments (order_id, token, status, captured_amount, amount, created_at)
      VALUES (${id}, 'tok', 'CAPTURED', 1, 1, now() - interval '3 days')`;
    await sql`INSERT INTO order_sagas (order_id, status, state, settle_by, due_at, created_at, updated_at)
      VALUES (${id}, 'COMPLETED', '{}', now(), NULL, now() - interval '3 days', now() - interval '2 days')`;
  }
}

test("an order that another transaction holds is passed by, and keeps no other order's token or saga", async () => {
  const { sql } = world.db;
  await settledOrders("held", "free");
  const left = async () => ({
    tokens: (await sql`SELECT order_id AS id FROM payments WHERE token <> ''`).map(({ id }) => id),
    sagas: (await sql`SELECT order_id AS id FROM order_sagas`).map(({ id }) => id),
  });
  await sql.begin(async (tx) => {
    await tx`SELECT FROM orders WHERE id = 'held' FOR UPDATE`;
    await round();
    // Locked before the payment, so that a transaction that holds the order and then wants its payment gets it.
    await tx`SELECT FROM payments WHERE order_id = 'held' FOR UPDATE NOWAIT`;
  });
  expect(await left()).toEqual({ tokens: ["held"], sagas: ["held"] });
  await round();
  expect(await left()).toEqual({ tokens: [], sagas: [] });
  const orders = await sql`SELECT payment, saga_taken_at IS NOT NULL AS taken FROM orders WHERE id IN ('held', 'free')`;
  expect(orders.map((row) => ({ ...row }))).toEqual([
    { payment: null, taken: true },
    { payment: null, taken: true },
  ]);
});

test("the oldest row of every kind is found by an index", async () => {
  await world.db.sql.begin(async (tx) => {
    await tx`SET LOCAL enable_seqscan = off`;
    for (const { kind, rows } of ROW_RULES) {
      const plan = await tx`EXPLAIN ${oldestQuery(tx, rows)}`;
      expect(`${kind}: ${plan.map((line) => line["QUERY PLAN"]).join()}`).not.toContain("Seq Scan");
    }
  });
});

test("rows of PostgreSQL go while Redis is away", async () => {
  const { sql } = world.db;
  await sql`INSERT INTO operator_requests (actor, idempotency_key, request_hash, answer, at) VALUES ('olga', 'away', 'h', '{}', now() - interval '40 days')`;
  const away = createRedis(`redis://127.0.0.1:${freePort()}`);
  const role = startRetention({ ...world.neighbours, redis: away }, { firstAfterMs: 0, lookEveryMs: 100 });
  try {
    await until("the row is gone", async () => (await sql`SELECT FROM operator_requests`).length === 0);
    expect(world.lines.some(({ message }) => message.startsWith("the round failed"))).toBe(true);
  } finally {
    await role.stop(5_000);
    away.disconnect();
  }
}, 120_000);
