import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { newRequestId, type RequestId, type UserId } from "../../contracts/wire/ids.ts";
import { requestRecord } from "../../gateway/claims/queue.ts";
import type { OutgoingRecord } from "../../kafka/kafka.ts";
import { readSale } from "../../lua/sale-reading.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { until } from "../support/until.ts";
import { type ConsumerWorld, createWorld, WORLD_MS } from "./world.ts";

setDefaultTimeout(300_000);

const REQUESTS = 300_000;
const TOTAL = 1_000;
/** What the role takes before it holds a partition back, and the batch that may be on its way then. */
const MOST_IN_HAND = 100_000 + 1_000;
const MOST_IN_A_TURN = 5_000;

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

test("300,000 requests wait for a paused sale that is opened: the first win, each is told once, in bounded memory and turns", async () => {
  const topic = await world.newTopic(1, { "message.timestamp.type": "LogAppendTime" });
  const sale = await world.newSale(TOTAL, -1_000, "QUEUED");
  await world.load(sale);
  await world.settling.scripts.setState(sale, "PAUSED");
  const asked: RequestId[] = [];
  for (let at = 0; at < REQUESTS; at += 50_000) {
    const records = Array.from({ length: 50_000 }, (_, i): OutgoingRecord => {
      const requestId = newRequestId(sale, Date.now());
      asked.push(requestId);
      const data = { couponId: sale, userId: `user-${at + i}` as UserId, requestId };
      return { topic, key: sale, value: requestRecord(data, new Date()) };
    });
    await world.rawProducer.sendAll(records);
  }

  const told = new Map<string, string[]>();
  let [inHand, most, longest] = [0, 0, 0];
  const role = world.decideRole(
    {
      producer: {
        async sendAll(records) {
          longest = Math.max(longest, records.length);
          for (const { value } of records) {
            const { type, data } = JSON.parse(value as string);
            told.set(data.requestId, [...(told.get(data.requestId) ?? []), data.reason ?? type]);
          }
          await world.rawProducer.sendAll(records);
        },
      },
    },
    {
      waitingRequests(requests) {
        inHand = requests;
        most = Math.max(most, requests);
      },
    },
  );
  const runner = world.run(role, topic);
  await until("the partition is held back", () => inHand >= MOST_IN_HAND - 1_000);
  await Bun.sleep(1_500);
  expect(inHand).toBeLessThanOrEqual(MOST_IN_HAND);
  await world.settling.scripts.setState(sale, "OPEN");
  await until("all is settled", async () => (await world.lag(topic)) === 0, 240_000);
  await runner.stop(5_000);

  expect(most).toBeLessThanOrEqual(MOST_IN_HAND);
  expect(longest).toBeLessThanOrEqual(MOST_IN_A_TURN);
  expect(told.size).toBe(REQUESTS);
  const wrong = asked.filter((requestId, place) => {
    const expected = place < TOTAL ? "CouponIssued" : "SOLD_OUT";
    return told.get(requestId)?.join() !== expected;
  });
  expect(wrong).toEqual([]);
  const rows = await world.rows(sale);
  expect(rows.map(({ request_id }) => request_id)).toEqual(asked.slice(0, TOTAL));
  const [refused] = await world.db.sql`SELECT count(*)::int AS count FROM refused_requests WHERE coupon_id = ${sale}`;
  expect(refused).toEqual({ count: REQUESTS - TOTAL });
  expect(await readSale(world.redis, sale)).toMatchObject({ winners: TOTAL, left: 0 });
});
