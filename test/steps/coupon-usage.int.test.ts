import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { startDelayedCommands } from "../../consumers/delayed-commands/start.ts";
import type { Role } from "../../consumers/engine/role.ts";
import type { RunningRole } from "../../consumers/engine/running-role.ts";
import { PARKED_HEADER } from "../../consumers/steps/park.ts";
import { type CouponId, newCouponId } from "../../contracts/wire/ids.ts";
import { saleKeys } from "../../lua/keys.ts";
import { type ConsumerWorld, createWorld, WORLD_MS } from "../consumers/world.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { until } from "../support/until.ts";
import * as bench from "./bench.ts";
import { anOrder, asked, outcomeOf, said, takenBack } from "./bench.ts";

setDefaultTimeout(180_000);

let server: RedisServer;
let world: ConsumerWorld;
let role: Role;
beforeAll(async () => {
  server = await startRedis();
  world = await createWorld({ redisUrl: server.url });
  role = bench.stepRoles(world).COUPON;
}, WORLD_MS);
afterAll(async () => {
  await world.close();
  await server.remove();
});

async function newSale(): Promise<CouponId> {
  const couponId = await world.newSale(5);
  await world.load(couponId);
  return couponId;
}
const answers = async (...records: Parameters<typeof bench.handled>[2][]) =>
  (await bench.handled(world, role, ...records)).map(said);
const parked = (orderId: string) =>
  world.db.sql`SELECT event_id, attempts, due_at > now() AS later FROM delayed_commands WHERE order_id = ${orderId}`;

test("two orders of one user want the same coupon: the first has it, until it gives it back", async () => {
  const couponId = await newSale();
  await world.settle(await world.claim(couponId, "ann"));
  const [first, second, third] = [anOrder({ couponId }), anOrder({ couponId }), anOrder({ couponId })];
  expect(await answers(asked("COUPON", first!), asked("COUPON", second!))).toEqual([
    "CouponUsageCompleted",
    "CouponUsageFailed COUPON_ALREADY_USED",
  ]);
  const [row] = await world.db.sql`SELECT status, order_id FROM user_coupons WHERE coupon_id = ${couponId}`;
  expect({ ...row }).toEqual({ status: "USED", order_id: first!.orderId });
  expect(await answers(asked("COUPON", third!), takenBack("COUPON", first!))).toEqual([
    "CouponUsageCompleted",
    "CouponRestored",
  ]);
  // Its restore comes again: by now another order has the coupon.
  await answers(takenBack("COUPON", first!));
  expect((await world.rows(couponId))[0]!.status).toBe("USED");
});

test("an order below the minimum, and one that was placed too late; one that only waited too long is in time", async () => {
  const couponId = await newSale();
  await world.settle(await world.claim(couponId, "ann"));
  const endsAt = Date.now() + 3_700_000;
  await world.db
    .sql`UPDATE coupons SET min_order_amount = 500, valid_until = ${new Date(endsAt)} WHERE id = ${couponId}`;
  const hourLater = endsAt + 3_600_000;
  const [low, late, good] = [
    anOrder({ couponId, total: 499 }),
    anOrder({ couponId, createdAt: endsAt }),
    anOrder({ couponId, total: 500, createdAt: endsAt - 1 }),
  ];
  expect(
    await answers(asked("COUPON", low!), asked("COUPON", late!, hourLater), asked("COUPON", good!, hourLater)),
  ).toEqual(["CouponUsageFailed MIN_ORDER_AMOUNT", "CouponUsageFailed COUPON_EXPIRED", "CouponUsageCompleted"]);
});

test("a command of the release before does not say when its order was placed: the time of the command counts", async () => {
  const couponId = await newSale();
  await world.settle(await world.claim(couponId, "ann"));
  const endsAt = Date.now() + 3_700_000;
  await world.db.sql`UPDATE coupons SET valid_until = ${new Date(endsAt)} WHERE id = ${couponId}`;
  const before = (order: ReturnType<typeof anOrder>, at: number) => {
    const record = asked("COUPON", order, at);
    const event = JSON.parse(record.value as string);
    expect(event.data.orderedAt).toBeString();
    delete event.data.orderedAt;
    return { ...record, value: JSON.stringify(event) };
  };
  const [late, good] = [anOrder({ couponId }), anOrder({ couponId })];
  expect(await answers(before(late!, endsAt), before(good!, endsAt - 1))).toEqual([
    "CouponUsageFailed COUPON_EXPIRED",
    "CouponUsageCompleted",
  ]);
});

test("a coupon that no user won is refused: Redis says so, or there is no such sale, or all of it is persisted", async () => {
  const couponId = await newSale();
  const over = await world.newSale(5);
  await world.db.sql`UPDATE coupons SET load_state = 'LOADED', starts_at = now() - interval '400 days',
    ends_at = now() - interval '399 days' WHERE id = ${over}`;
  for (const id of [couponId, newCouponId(), over]) {
    expect(await answers(asked("COUPON", anOrder({ couponId: id })))).toEqual(["CouponUsageFailed COUPON_NOT_HELD"]);
  }
});

test("a coupon of another user is not held", async () => {
  const couponId = await newSale();
  await world.settle(await world.claim(couponId, "ann"));
  expect(await answers(asked("COUPON", anOrder({ couponId, userId: "bob" })))).toEqual([
    "CouponUsageFailed COUPON_NOT_HELD",
  ]);
});

test("a sale that is being rebuilt refuses no order: the command is parked", async () => {
  const couponId = await newSale();
  await world.loading.fence(couponId, 2);
  const order = anOrder({ couponId });
  expect(await answers(asked("COUPON", order))).toEqual([]);
  expect((await parked(order.orderId)).length).toBe(1);
  expect(await outcomeOf(world, order.orderId, "COUPON")).toBe("none");
});

test("a coupon won in the same second: parked once, sent again, used; its restore would have been a tombstone", async () => {
  const couponId = await newSale();
  const claims = await world.claim(couponId, "ann", "bob");
  const topic = await world.newTopic(1);
  const [order, dropped] = [anOrder({ couponId }), anOrder({ couponId, userId: "bob" })];
  const commands = [order!, dropped!].map((one) => ({
    ...asked("COUPON", one),
    topic,
    headers: { traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" },
  }));
  const runner = world.run(role, topic);
  await world.rawProducer.sendAll([...commands, ...commands]);
  await until(
    "both are parked",
    async () => (await parked(order!.orderId)).length + (await parked(dropped!.orderId)).length === 2,
  );
  await answers(takenBack("COUPON", dropped!));
  const resender: RunningRole = startDelayedCommands(world.neighbours);
  await until("it came and went a second time", async () => (await parked(order!.orderId))[0]?.attempts >= 1);
  await world.settle(claims);
  await until("it is used", async () => (await outcomeOf(world, order!.orderId, "COUPON")) === "COMPLETED");
  await until(
    "nothing is parked",
    async () => (await parked(order!.orderId)).length + (await parked(dropped!.orderId)).length === 0,
  );
  await until("all is committed", async () => (await world.lag(topic)) === 0);
  await Promise.all([resender.stop(1_000), runner.stop(1_000)]);
  expect(await outcomeOf(world, dropped!.orderId, "COUPON")).toBe("TOMBSTONE");
  expect((await world.rows(couponId)).map(({ status }) => status)).toEqual(["USED", "ACTIVE"]);
  const copies = (await world.read(topic, 5)).filter(({ headers }) => headers[PARKED_HEADER] !== undefined);
  const text = (bytes: Uint8Array | null | undefined) => Buffer.from(bytes!).toString();
  const originals = commands.map(({ key, value }) => `${key} ${value}`);
  expect(copies.filter(({ key, value }) => !originals.includes(`${text(key)} ${text(value)}`))).toEqual([]);
  expect(text(copies[0]!.headers.traceparent)).toBe("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
});

test("Redis away, or restarted and not rebuilt: what PostgreSQL can't decide is parked, and only that", async () => {
  const couponId = await newSale();
  await world.settle(await world.claim(couponId, "ann"));
  const [fine, unknown, later] = ["ann", "bob", "cem"].map((userId) => anOrder({ couponId, userId }));
  await server.kill();
  expect(await answers(asked("COUPON", fine!), asked("COUPON", unknown!))).toEqual(["CouponUsageCompleted"]);
  expect((await parked(unknown!.orderId)).length).toBe(1);
  await server.start();
  // It has the sale, with everything that its file had; what it may have forgotten is the question.
  await until("it answers", () =>
    world.redis.exists(saleKeys(couponId).sale).then(
      (n) => n === 1,
      () => false,
    ),
  );
  expect(await answers(asked("COUPON", later!))).toEqual([]);
  expect((await parked(later!.orderId)).length).toBe(1);
});
