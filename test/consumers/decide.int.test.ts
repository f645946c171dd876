import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { couponDecide } from "../../consumers/claims/decide/role.ts";
import { type CouponId, newRequestId, type RequestId, type UserId } from "../../contracts/wire/ids.ts";
import { LeftOut, type LeftOutComplaint } from "../../contracts/wire/left-out.ts";
import { requestRecord } from "../../gateway/claims/queue.ts";
import { KafkaError } from "../../kafka/kafka.ts";
import { saleKeys } from "../../lua/keys.ts";
import { noteAsking } from "../../lua/pending-requests.ts";
import { readSale } from "../../lua/sale-reading.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { until } from "../support/until.ts";
import { type ConsumerWorld, createWorld, WORLD_MS } from "./world.ts";

setDefaultTimeout(180_000);

let server: RedisServer;
let world: ConsumerWorld;
beforeAll(async () => {
  server = await startRedis();
  world = await createWorld({ redisUrl: server.url });
}, WORLD_MS);
afterAll(async () => {
  await world.close();
  await server.remove();
});

const newLog = () => world.newTopic(1, { "message.timestamp.type": "LogAppendTime" });

async function queuedSale(total: number): Promise<CouponId> {
  const sale = await world.newSale(total, -1_000, "QUEUED");
  await world.load(sale);
  return sale;
}

/** Logs one request per user, in this order. */
async function ask(topic: string, couponId: CouponId, ...users: string[]): Promise<RequestId[]> {
  const requestIds = users.map(() => newRequestId(couponId, Date.now()));
  await world.rawProducer.sendAll(
    users.map((userId, i) => ({
      topic,
      key: couponId,
      value: requestRecord({ couponId, userId: userId as UserId, requestId: requestIds[i]! }, new Date()),
    })),
  );
  return requestIds;
}
const users = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}-${i}`);
const allDone = (topic: string) => until("all is committed", async () => (await world.lag(topic)) === 0);
const status = (couponId: CouponId, requestId: RequestId) => world.redis.hget(saleKeys(couponId).status, requestId);
const refusalsOf = (couponId: CouponId) => world.db.sql`SELECT * FROM refused_requests WHERE coupon_id = ${couponId}`;

test("the first of the log win, every user is told once, the second request of a winner is another name for the win", async () => {
  const [topic, sale] = [await newLog(), await queuedSale(2)];
  const [ada, again, , cem] = await ask(topic, sale, "ada", "ada", "bea", "cem");
  const runner = world.run(world.decideRole(), topic);
  await allDone(topic);
  await runner.stop(1_000);
  expect(await world.rows(sale)).toMatchObject([
    { user_id: "ada", slot: 1, request_id: ada, status: "ACTIVE" },
    { user_id: "bea", slot: 2, status: "ACTIVE" },
  ]);
  expect(world.events(sale)).toMatchObject([
    { type: "CouponIssued", userId: "ada", slot: 1, requestId: ada },
    { type: "CouponIssued", userId: "bea", slot: 2 },
    { type: "CouponIssued", userId: "ada", slot: 1, requestId: again },
    { type: "CouponIssueFailed", userId: "cem", reason: "SOLD_OUT", requestId: cem },
  ]);
  expect(
    await world.db.sql`SELECT request_id, original_request_id FROM request_aliases WHERE coupon_id = ${sale}`,
  ).toEqual([{ request_id: again, original_request_id: ada }] as never);
  expect(await refusalsOf(sale)).toMatchObject([{ request_id: cem, user_id: "cem", reason: "SOLD_OUT" }]);
  expect(await world.redis.xlen(saleKeys(sale).ledger)).toBe(0);
  expect(await Promise.all([ada, again, cem].map((id) => status(sale, id!)))).toEqual([
    "ISSUED 1",
    "ISSUED 1",
    "FAILED SOLD_OUT cem",
  ]);
});

test("a batch that dies between decision and commit is repeated to the same effect, on a Redis that forgot all as well", async () => {
  const [topic, sale] = [await newLog(), await queuedSale(3)];
  await ask(topic, sale, "ada", "bea", "cem", "dan", "eve");
  let died = 0;
  const runner = world.run(
    world.decideRole({
      fault(here) {
        if (here === "decide:decided" && died++ < 2) throw new Error("killed");
        if (here === "persist:announced" && died++ < 4) throw new Error("killed");
      },
    }),
    topic,
  );
  await until("it was decided", () => died > 0);
  await world.redis.flushall();
  await world.load(sale, 2);
  await allDone(topic);
  await runner.stop(1_000);
  expect(died).toBeGreaterThan(3);
  expect((await world.rows(sale)).map(({ user_id, slot }) => [user_id, slot])).toEqual([
    ["ada", 1],
    ["bea", 2],
    ["cem", 3],
  ]);
  const news = new Set(world.events(sale).map(({ type, userId }) => `${type} ${userId}`));
  expect(news.size).toBe(5);
});

test("a slot that comes back is for the next in the log, never for a user who was told FAILED", async () => {
  const [topic, sale] = [await newLog(), await queuedSale(1)];
  const [ada, bea] = await ask(topic, sale, "ada", "bea");
  const first = world.run(world.decideRole(), topic);
  await allDone(topic);
  await first.stop(1_000);
  await world.db
    .sql`UPDATE user_coupons SET status = 'REVOKED', slot = NULL, reason = 'REVOKED' WHERE request_id = ${ada!}`;
  await world.settling.scripts.release(sale, { userId: "ada" as UserId, requestId: ada!, epoch: 1, reason: "REVOKED" });
  await world.redis.del(saleKeys(sale).status); // Redis forgets whom it refused
  await ask(topic, sale, "cem");
  const second = world.run(world.decideRole(), topic, `again-${topic}`); // a group that begins at the beginning
  await until("it is read", async () => (await world.lag(topic, `again-${topic}`)) === 0);
  await second.stop(1_000);
  expect((await world.rows(sale)).map(({ user_id, status: is }) => `${user_id} ${is}`)).toEqual([
    "cem ACTIVE",
    "ada REVOKED",
  ]);
  expect(await refusalsOf(sale)).toMatchObject([{ request_id: bea }]);
});

test("a refusal that Redis forgot is told again, and then its owner may ask anew", async () => {
  const [topic, sale] = [await newLog(), await queuedSale(1)];
  const [, bea] = await ask(topic, sale, "ada", "bea");
  const runner = world.run(world.decideRole(), topic);
  await allDone(topic);
  await world.redis.flushall();
  await world.load(sale, 2);
  const asking = () => noteAsking(world.redis, sale, newRequestId(sale, Date.now()), "bea" as UserId, true);
  // As if the note had outlived what became of the request.
  await world.redis.hset(saleKeys(sale).asked, "bea", bea!);
  expect(await asking()).toEqual({ kind: "asked", requestId: bea!, isLogged: false });
  const data = { couponId: sale, userId: "bea" as UserId, requestId: bea! };
  await world.rawProducer.sendAll([{ topic, key: sale, value: requestRecord(data, new Date()) }]);
  await until("Redis is reminded", async () => (await status(sale, bea!))?.startsWith("FAILED SOLD_OUT") ?? false);
  await allDone(topic);
  await runner.stop(1_000);
  expect(await asking()).toEqual({ kind: "noted" });
  expect(await readSale(world.redis, sale)).toMatchObject({ winners: 1, freed: 0, left: 0 });
  expect(world.events(sale).filter(({ requestId }) => requestId === bea)).toHaveLength(2);
});

test("requests of a paused sale wait, those of others go on, and an open sale takes up where it was, in order", async () => {
  const topic = await newLog();
  const [paused, busy] = [await queuedSale(3), await queuedSale(10)];
  await ask(topic, paused, "ada");
  const runner = world.run(world.decideRole(), topic);
  await allDone(topic);
  await world.db.sql`UPDATE coupons SET state = 'PAUSED' WHERE id = ${paused}`;
  await world.settling.scripts.setState(paused, "PAUSED");
  await ask(topic, paused, "bea", "cem");
  await ask(topic, busy, "ada", "bea");
  await ask(topic, paused, "dan", "eve");
  await until("the busy sale goes on", async () => (await world.rows(busy)).length === 2);
  await Bun.sleep(500);
  expect(await world.rows(paused)).toHaveLength(1);
  expect(await world.lag(topic)).toBe(6); // from the first that waits
  await world.settling.scripts.setState(paused, "OPEN");
  await allDone(topic);
  await runner.stop(1_000);
  expect((await world.rows(paused)).map(({ user_id, slot }) => [user_id, slot])).toEqual([
    ["ada", 1],
    ["bea", 2],
    ["cem", 3],
  ]);
  expect(await refusalsOf(paused)).toHaveLength(2);
});

test("what waited when its process went is decided by the next one", async () => {
  const [topic, sale] = [await newLog(), await queuedSale(2)];
  await world.settling.scripts.setState(sale, "PAUSED");
  await ask(topic, sale, "ada", "bea", "cem");
  const first = world.run(world.decideRole(), topic);
  await Bun.sleep(1_500);
  await first.stop(1_000);
  await world.settling.scripts.setState(sale, "OPEN");
  const second = world.run(world.decideRole(), topic);
  await allDone(topic);
  await second.stop(1_000);
  expect((await world.rows(sale)).map(({ user_id }) => user_id)).toEqual(["ada", "bea"]);
});

test("the window is judged by when the log got the request: late decisions of early requests are wins", async () => {
  const [topic, sale] = [await newLog(), await queuedSale(10)];
  const [ada] = await ask(topic, sale, "ada");
  await Bun.sleep(50);
  const endsAt = Date.now();
  await Bun.sleep(50);
  const [bea] = await ask(topic, sale, "bea");
  await world.settling.scripts.setState(sale, "OPEN", { startsAt: endsAt - 60_000, endsAt });
  const runner = world.run(world.decideRole(), topic);
  await allDone(topic);
  await runner.stop(1_000);
  expect(await world.rows(sale)).toMatchObject([{ user_id: "ada", request_id: ada }]);
  expect(await refusalsOf(sale)).toMatchObject([{ request_id: bea, reason: "ENDED" }]);
});

test("winners that a rebuild did not see are decided again before all requests behind them", async () => {
  const [topic, sale] = [await newLog(), await queuedSale(3)];
  await ask(topic, sale, ...users("early", 3));
  let rebuilt = false;
  const role = world.decideRole({
    scripts: {
      ...world.settling.scripts,
      async decide(couponId, requests) {
        const batch = await world.settling.scripts.decide(couponId, requests);
        if (!rebuilt) {
          rebuilt = true; // between the decision and its persisting
          await world.redis.flushall();
          await world.load(sale, 2);
          await ask(topic, sale, ...users("late", 3));
        }
        return batch;
      },
    },
  });
  const runner = world.run(role, topic);
  await until("every user is told", () => new Set(world.events(sale).map(({ userId }) => userId)).size === 6);
  await allDone(topic);
  await runner.stop(1_000);
  expect((await world.rows(sale)).map(({ user_id }) => user_id).sort()).toEqual(users("early", 3));
  expect(await readSale(world.redis, sale)).toMatchObject({ winners: 3, left: 0 });
});

test("who asked in time of a sale that Redis lost long after its end is decided when it has been rebuilt", async () => {
  const [topic, sale] = [await newLog(), await queuedSale(1)];
  await ask(topic, sale, "ada");
  await Bun.sleep(100);
  await world.db.sql`UPDATE coupons SET ends_at = now() WHERE id = ${sale}`;
  await ask(topic, sale, "late");
  await world.redis.flushall();
  const observe = { decided() {}, waitingRequests() {} };
  const runner = world.run(couponDecide({ settling: world.settling, keepHours: 0, observe }), topic);
  const loadState = async () => (await world.db.sql`SELECT load_state FROM coupons WHERE id = ${sale}`)[0]!.load_state;
  await until("it is to be rebuilt", async () => (await loadState()) === "RECOVERING");
  expect(await refusalsOf(sale)).toHaveLength(0);
  await world.load(sale, 2);
  await allDone(topic);
  await runner.stop(1_000);
  expect(await world.rows(sale)).toMatchObject([{ user_id: "ada", slot: 1 }]);
  expect(await refusalsOf(sale)).toMatchObject([{ user_id: "late" }]);
});

test("records that are no requests, and requests of no sale, are dead letters and do not hold up the others", async () => {
  const [topic, sale] = [await newLog(), await queuedSale(1)];
  await world.rawProducer.sendAll([{ topic, key: sale, value: "not json" }]);
  await ask(topic, "zzzzzzzzzzzz" as CouponId, "ada");
  await ask(topic, sale, "bea");
  const runner = world.run(world.decideRole(), topic);
  await allDone(topic);
  await runner.stop(1_000);
  expect(await world.rows(sale)).toMatchObject([{ user_id: "bea" }]);
  expect(await world.read(`${topic}.DLT`, 2)).toHaveLength(2);
});

test("requests of a sale that ended long ago and is not loaded any more are refused, not kept for ever", async () => {
  const [topic, sale] = [await newLog(), await queuedSale(1)];
  await world.redis.flushall();
  await world.db.sql`
    UPDATE coupons SET starts_at = now() - interval '90 days', ends_at = now() - interval '30 days' WHERE id = ${sale}`;
  await ask(topic, sale, "ada");
  const runner = world.run(world.decideRole(), topic);
  await allDone(topic);
  await runner.stop(1_000);
  expect(await refusalsOf(sale)).toMatchObject([{ user_id: "ada", reason: "ENDED" }]);
});

test("a sale whose keys are broken holds only itself, is complained of once and counted, and goes on when it is repaired", async () => {
  const topic = await newLog();
  const [broken, well] = [await queuedSale(2), await queuedSale(2)];
  await world.redis.del(saleKeys(broken).sale);
  await world.redis.set(saleKeys(broken).sale, "1");
  const complaints: string[] = [];
  let leftOut = 0;
  const observer = {
    complain: ({ step, names }: LeftOutComplaint) => complaints.push(`${step} ${names}`),
    count(sales: number) {
      leftOut = sales;
    },
  };
  const runner = world.run(world.decideRole({ leftOut: new LeftOut(observer) }), topic);
  await ask(topic, broken, "ada", "bea", "cem");
  await until("the broken sale is noticed", () => leftOut === 1);
  await ask(topic, well, "ada", "bea");
  await until("the other sale goes on", async () => (await world.rows(well)).length === 2);
  await until("it was tried again and again", async () => {
    await ask(topic, well, "late");
    return (await refusalsOf(well)).length > 20;
  });
  expect(complaints).toEqual([`deciding requests ${broken}`]);
  expect(leftOut).toBe(1);
  await world.redis.del(saleKeys(broken).sale);
  await world.load(broken, 2);
  await allDone(topic);
  await runner.stop(1_000);
  expect(leftOut).toBe(0);
  expect((await world.rows(broken)).map(({ user_id }) => user_id)).toEqual(["ada", "bea"]);
  expect(await refusalsOf(broken)).toMatchObject([{ user_id: "cem", reason: "SOLD_OUT" }]);
});

test("a sale whose requests lie in two partitions, because the topic was given more, loses none when its process goes", async () => {
  const topic = await world.newTopic(2, { "message.timestamp.type": "LogAppendTime" });
  const sale = await queuedSale(10);
  await world.settling.scripts.setState(sale, "PAUSED");
  const requests = users("spread", 6).map((userId) => ({
    userId: userId as UserId,
    requestId: newRequestId(sale, Date.now()),
  }));
  await world.rawProducer.sendAll(
    requests.map((one, i) => {
      return { topic, partition: i % 2, key: sale, value: requestRecord({ couponId: sale, ...one }, new Date()) };
    }),
  );
  let inHand = 0;
  const observe = {
    waitingRequests(waiting: number) {
      inHand = waiting;
    },
  };
  const first = world.run(world.decideRole({}, observe), topic);
  await until("all are in hand", () => inHand === 6);
  await Bun.sleep(600); // longer than between two commits
  expect(await world.lag(topic)).toBe(6);
  await first.stop(1_000);
  await world.settling.scripts.setState(sale, "OPEN");
  const second = world.run(world.decideRole(), topic);
  await allDone(topic);
  await second.stop(1_000);
  expect((await world.rows(sale)).map(({ user_id }) => user_id).sort()).toEqual(users("spread", 6));
});

test("a request that no retry helps is found among its neighbours and put aside; they and other sales go on", async () => {
  const topic = await newLog();
  const [sale, other] = [await queuedSale(30), await queuedSale(1)];
  await ask(topic, sale, ...users("before", 10), "poison", ...users("behind", 10));
  await ask(topic, other, "ada");
  const producer = {
    async sendAll(records: Parameters<ConsumerWorld["rawProducer"]["sendAll"]>[0]) {
      const isPoisoned = records.some(({ value }) => JSON.parse(value as string).data.userId === "poison");
      if (isPoisoned) throw new KafkaError("RECORD_TOO_LARGE", "too large");
      await world.rawProducer.sendAll(records);
    },
  };
  const runner = world.run(world.decideRole({ producer }), topic);
  await allDone(topic);
  await runner.stop(1_000);
  const [letter, ...more] = await world.read(`${topic}.DLT`, 1);
  expect(more).toEqual([]);
  expect(new TextDecoder().decode(letter!.value!)).toContain('"poison"');
  const told = (await world.rows(sale)).filter(({ user_id }) => user_id !== "poison");
  expect(told.map(({ user_id }) => user_id)).toEqual([...users("before", 10), ...users("behind", 10)]);
  expect(await world.rows(other)).toHaveLength(1);
});
