import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { loadAdmission } from "../../consumers/admission/load.ts";
import { admissionRelease } from "../../consumers/admission/release-role.ts";
import { leftOutOf } from "../../consumers/engine/left-out-of.ts";
import { type OrderId, orderIdOf, type ProductId } from "../../contracts/orders/ids.ts";
import { orderMessage } from "../../contracts/orders/messages.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import { flashSnapshot } from "../../db/shop/flash-snapshot.ts";
import { type Admission, createAdmission } from "../../lua/admission.ts";
import { ADMISSION_KEYS } from "../../lua/keys.ts";
import { createPlacedOrders } from "../../lua/placed-orders.ts";
import { placedBy } from "../lua/placed.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { until } from "../support/until.ts";
import { type ConsumerWorld, createWorld, WORLD_MS } from "./world.ts";

let server: RedisServer;
let world: ConsumerWorld;
let admission: Admission;
beforeAll(async () => {
  server = await startRedis(); // its own: all flash products share their keys
  world = await createWorld({ redisUrl: server.url });
  admission = createAdmission(world.redis);
}, WORLD_MS);
afterAll(async () => {
  await world?.close();
  await server?.remove();
});
beforeEach(async () => {
  await world.redis.del(...Object.values(ADMISSION_KEYS));
  await world.db.sql`TRUNCATE products, stock_movements, step_outcomes, order_sagas`;
});

const ann = "ann" as UserId;
const order = (name: string): OrderId => orderIdOf(ann, name, "");
const mug = "mug" as ProductId;
const take = (name: string, quantity = 1) => admission.take(order(name), ann, [{ productId: mug, quantity }]);
const load = (strayMs = 60_000, seen = new Map<OrderId, number>()) =>
  loadAdmission({
    admission,
    leftOut: leftOutOf("admission", world.neighbours),
    snapshot: (ids) => flashSnapshot(world.db.sql, ids),
    strayMs,
    seen,
  });
const product = (stock: number, flash = true, id = "mug") =>
  world.db.sql`INSERT INTO products (id, stock, price, flash) VALUES (${id}, ${stock}, 1, ${flash})`;
const outcome = (name: string, said: string, reason: string | null = null) =>
  world.db
    .sql`INSERT INTO step_outcomes (order_id, step, outcome, reason) VALUES (${order(name)}, 'STOCK', ${said}, ${reason})`;
const heldBy = async () => (await admission.holds()).map(({ orderId }) => orderId);

test("an overwritten hold does not keep the others from being looked at", async () => {
  await product(4);
  await load();
  expect(await take("stray")).toBeNull();
  await world.redis.hset(ADMISSION_KEYS.held, order("garbage"), "nonsense");
  expect(await load(0, new Map([[order("stray"), 0]]))).toBe(1);
  expect(await world.redis.hkeys(ADMISSION_KEYS.held)).toEqual([order("garbage")]);
});

test("only flash products are loaded; what is reserved, refused or cancelled is held no longer", async () => {
  await product(4);
  await product(4, false, "cup");
  await load();
  expect(await admission.loaded()).toBe(1);
  for (const name of ["reserved", "refused", "cancelled", "on its way"]) expect(await take(name)).toBeNull();
  expect(await take("too late")).toBe(mug);
  await world.db.sql`UPDATE products SET stock = stock - 1, reserved = reserved + 1 WHERE id = 'mug'`;
  await outcome("reserved", "COMPLETED");
  await outcome("refused", "FAILED", "INSUFFICIENT_STOCK");
  await world.db.sql`
    INSERT INTO order_sagas (order_id, status, state)
    VALUES (${order("cancelled")}, 'CANCELLED', '{}'), (${order("on its way")}, 'PROCESSING', '{}')`;
  expect(await load()).toBe(3);
  expect(await heldBy()).toEqual([order("on its way")]);
  expect(await take("two that are free", 2)).toBeNull(); // 3 in stock, 1 on its way
  expect(await take("none left")).toBe(mug);
});

test("a restock, and a Redis that forgot everything, are made good by the next look", async () => {
  await product(1);
  await load();
  await take("one");
  await world.db.sql`UPDATE products SET stock = stock + 5 WHERE id = 'mug'`;
  await load();
  expect(await take("five", 5)).toBeNull();
  await world.redis.flushall();
  expect(await take("anybody", 100)).toBeNull(); // not loaded: every order is admitted
  await load();
  expect(await take("nobody", 1)).toBe(mug);
});

test("a hold that no order follows is let go after its time; one whose order is in the ledger or in PostgreSQL is not", async () => {
  await product(9);
  await load();
  const placed = placedBy("ann", "in the ledger", "{}", true);
  await admission.take(placed.data.orderId, ann, placed.data.flashItems);
  await createPlacedOrders(world.redis).place(placed);
  await take("stray");
  await take("stored");
  await world.db.sql`INSERT INTO order_sagas (order_id, status, state) VALUES (${order("stored")}, 'PROCESSING', '{}')`;
  expect(await load(60_000)).toBe(0);
  expect(await load(0)).toBe(1);
  expect((await heldBy()).sort()).toEqual([placed.data.orderId, order("stored")].sort());
});

test("a hold from the future of Redis' clock is let go like others: by how long it was seen", async () => {
  await product(1);
  await load();
  await take("stray");
  const held = (await world.redis.hgetall(ADMISSION_KEYS.held))[order("stray")]!;
  const inAnHour = held.replace(/^\d+/, String(Date.now() + 3_600_000));
  await world.redis.hset(ADMISSION_KEYS.held, order("stray"), inAnHour);
  const seen = new Map<OrderId, number>();
  expect(await load(60_000, seen)).toBe(0);
  seen.set(order("stray"), seen.get(order("stray"))! - 60_000); // a minute later
  expect(await load(60_000, seen)).toBe(1);
  expect(await take("next")).toBeNull();
  await load(60_000, seen);
  expect([...seen.keys()]).toEqual([order("next")]);
});

test("CompensationCompleted gives back once, whatever else the topic carries; one that took nothing gives nothing", async () => {
  await product(2);
  await load();
  await take("cancelled");
  await take("unsold");
  const completed = (name: string, releaseAdmission: { productId: ProductId; quantity: number }[]) =>
    orderMessage({
      type: "CompensationCompleted",
      eventId: name,
      stream: order(name),
      sequence: 5,
      at: Date.now(),
      causationId: null,
      data: {
        orderId: order(name),
        userId: ann,
        reason: "PAYMENT_DECLINED",
        steps: ["STOCK"],
        releaseAdmission,
      },
    });
  const topic = await world.newTopic(1);
  const runner = world.run(admissionRelease(admission.release), topic);
  const event = completed("cancelled", [{ productId: mug, quantity: 1 }]);
  const values = [event, event, completed("unsold", []), { type: "CompensationRequired" }].map((one) =>
    JSON.stringify(one),
  );
  await world.rawProducer.sendAll([...values, "no json"].map((value) => ({ topic, value })));
  await until("all are dealt with", async () => (await world.lag(topic)) === 0);
  expect(await heldBy()).toEqual([order("unsold")]);
  expect(await take("next")).toBeNull();
  expect(await take("one too many")).toBe(mug);
  expect(await world.read(`${topic}.DLT`, 1)).toHaveLength(1);
  await runner.stop(1_000);
});
