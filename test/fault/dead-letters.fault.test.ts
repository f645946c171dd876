import { afterAll, beforeAll, expect, test } from "bun:test";
import { newCouponId, newRequestId, type UserId } from "../../contracts/wire/ids.ts";
import { createSale } from "../../db/sales/change.ts";
import { requestRecord } from "../../gateway/claims/queue.ts";
import { createBunKafka } from "../../kafka/bun/kafka.ts";
import { call } from "../support/client.ts";
import { recordsOf } from "../support/order-log.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

let system: System;
beforeAll(async () => {
  // The broker notices after its session that a member was killed; this is the shortest it accepts.
  const consumersEnv = {
    KAFKA_PROPERTIES: "session.timeout.ms=6000",
    DEAD_LETTER_RETRY_MS: "500",
    DEAD_LETTER_ATTEMPTS: "1000",
  };
  system = await startSystem("dead_letters_killed", { consumers: false, consumersEnv });
  await system.addConsumers(["coupon-decide", "sale-loader", "notify", "claim-relay"]);
}, 180_000);
afterAll(() => system?.close(), 180_000);

const KILLED = 128 + 9;
const PATIENCE_MS = 60_000;
const USERS = 20;
const deadLetters = (faultPoint: string) => system.addConsumers(["dead-letters"], { FAULT_POINT: faultPoint });

interface Letter {
  readonly status: string;
  readonly attempts: number;
}
const letters = () => system.sql<Letter[]>`SELECT status, attempts FROM dead_letters`;

test("requests of a sale that is missing: killed between the log and the mark, sent again, and settled once when it is back", async () => {
  const couponId = newCouponId();
  const asked = Array.from({ length: USERS }, (_, i) => ({
    couponId,
    userId: `early-${i}` as UserId,
    requestId: newRequestId(couponId, Date.now()),
  }));
  const producer = createBunKafka({ brokers: system.stack.env.KAFKA_BROKERS, clientId: "door" }).producer();
  const records = asked.map((data) => ({ key: couponId, value: requestRecord(data, new Date()) }));
  await producer.sendAll(records.map((record) => ({ topic: "coupon-requests", ...record })));
  await producer.close();

  const doomed = await deadLetters("letters:published");
  expect(await doomed.exited).toBe(KILLED);
  const sentAgain = (await recordsOf(system, ["coupon-requests"])).length - USERS;
  expect(sentAgain).toBeGreaterThan(0);
  // The letter that it had sent is not marked: the next process sends it once more.
  expect((await letters()).filter(({ status }) => status === "REPUBLISHED")).toEqual([]);

  await deadLetters("");
  await until(
    "all came back at least once",
    async () => {
      const rows = await letters();
      return rows.length === USERS && rows.every(({ attempts }) => attempts > 0);
    },
    PATIENCE_MS,
  );
  const at = (ms: number) => new Date(Date.now() + ms).toISOString();
  const terms = {
    name: "back",
    total: USERS,
    issueMode: "QUEUED" as const,
    startsAt: at(-60_000),
    endsAt: at(3_600_000),
  };
  await createSale(system.sql, { id: couponId, ...terms, discountType: "FIXED", discountValue: 100 }, "operator-1");
  const rows = () => system.sql`SELECT user_id, request_id FROM user_coupons WHERE coupon_id = ${couponId}`;
  await until("all are persisted", async () => (await rows()).length === USERS, PATIENCE_MS);
  for (const { userId, requestId } of asked) {
    const url = `${system.url}/coupons/requests/${requestId}`;
    await until(
      `${userId} is told`,
      async () => (await call(url, { token: system.token(userId) })).body.status === "ISSUED",
      PATIENCE_MS,
    );
  }
  // A copy that died before the sale was there may still be on its way back; it is sent once more, and then all is quiet.
  await until(
    "no letter waits",
    async () => (await letters()).every(({ status }) => status === "REPUBLISHED"),
    PATIENCE_MS,
  );
  await system.settled(couponId, PATIENCE_MS);
  await until(
    "no letter came back after all",
    async () => (await letters()).every(({ status }) => status === "REPUBLISHED"),
    PATIENCE_MS,
  );
  expect((await rows()).map(({ request_id }) => request_id).sort()).toEqual(asked.map((one) => one.requestId).sort());
  expect(await letters()).toHaveLength(USERS);
  expect(await system.violations()).toEqual([]);
}, 240_000);
