import { afterAll, beforeAll, expect, test } from "bun:test";
import { Value } from "@sinclair/typebox/value";
import { failedRecord, issuedRecord } from "../../consumers/coupon-persist/announce.ts";
import { notify } from "../../consumers/notify/role.ts";
import type { UserId } from "../../contracts/ids.ts";
import { orderMessage } from "../../contracts/order-messages.ts";
import { orderEventId } from "../../contracts/order-streams.ts";
import { ServerMessages } from "../../contracts/socket-messages.ts";
import { createInbox } from "../../lua/inbox.ts";
import { gatewayChannel } from "../../lua/keys.ts";
import { createSubscriber } from "../../lua/redis.ts";
import { createRoutes } from "../../lua/routes.ts";
import { createToldOrders } from "../../lua/told-orders.ts";
import { UNHURRIED } from "../support/redis.ts";
import { until } from "../support/until.ts";
import { anOrder } from "./order-world.ts";
import { createWorld, WORLD_MS, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await createWorld();
}, WORLD_MS);
afterAll(() => world.close());

test("owners find the news in their inbox, and each gateway hears once a batch of its users", async () => {
  const topic = await world.newTopic(1);
  const sale = await world.newSale(10);
  const unique = crypto.randomUUID().slice(0, 8);
  const [ann, bob, cem] = ["ann", "bob", "cem"].map((name) => `${name}-${unique}` as UserId) as [
    UserId,
    UserId,
    UserId,
  ];
  const routes = createRoutes(world.redis);
  const inbox = createInbox(world.redis);
  await routes.add(ann, "c1", `gw-a-${unique}`);
  await routes.add(ann, "c2", `gw-a-${unique}`);
  await routes.add(bob, "c3", `gw-b-${unique}`);
  await routes.add(cem, "c4", `gw-dead-${unique}`);
  const heard: { channel: string; payload: { u: string; c: string; m: string }[] }[] = [];
  const gateways = createSubscriber(world.config.REDIS_URL, UNHURRIED);
  gateways.on("message", (channel: string, text: string) => heard.push({ channel, payload: JSON.parse(text) }));
  await gateways.subscribe(gatewayChannel(`gw-a-${unique}`), gatewayChannel(`gw-b-${unique}`));

  const claims = [ann, bob, cem].map((user, i) => world.forged(sale, user, i + 1));
  const records = [
    issuedRecord(claims[0]!, 1, new Date()),
    issuedRecord(claims[1]!, 2, new Date()),
    failedRecord(claims[2]!, "SOLD_OUT"),
    { topic: "", value: '{"type":"CouponUsageRequested","data":{}}' },
    { topic: "", value: "not json" },
  ];
  await world.rawProducer.sendAll(records.map((record) => ({ ...record, topic, key: null })));
  const role = notify({
    inbox,
    routes,
    orders: createToldOrders(world.redis),
    publish: (channel, text) => world.redis.publish(channel, text),
    log: world.log,
  });
  const runner = world.run(role, topic);
  await until("all is committed", async () => (await world.lag(topic)) === 0);
  await until("both gateways heard", () => heard.length === 2);
  await runner.stop(1_000);
  gateways.disconnect();

  const read = await inbox.read(ann, null, 10);
  expect(read.messages.map(({ json }) => JSON.parse(json))).toMatchObject([
    { type: "coupon.issued", couponId: sale, requestId: claims[0]!.requestId, slot: 1 },
  ]);
  const failed = (await inbox.read(cem, null, 10)).messages.map(({ json }) => JSON.parse(json));
  expect(failed).toEqual([
    { type: "coupon.failed", couponId: sale, requestId: claims[2]!.requestId, reason: "SOLD_OUT" },
  ]);
  const toA = heard.find(({ channel }) => channel.includes("gw-a"))!;
  expect(toA.payload).toEqual([{ u: ann, c: read.messages[0]!.cursor, m: read.messages[0]!.json }]); // two sockets, one push
  expect((await world.read(`${topic}.DLT`, 1)).length).toBe(1);
  // A gateway that nobody hears right now may only be reconnecting: its route is still there.
  expect(await world.redis.hget(`{u:${cem}}:route`, "c4")).toBe(`gw-dead-${unique}`);
});

test("owners of orders are told of each stage once, and never of an earlier one after a later one", async () => {
  const topic = await world.newTopic(1);
  const { data } = anOrder();
  const { orderId, userId, orderNumber } = data;
  const stage = (status: "COMPENSATING" | "CANCELLED", sequence: number) =>
    orderMessage({
      type: "OrderStatusChanged",
      eventId: orderEventId(orderId, "OrderStatusChanged", status),
      stream: orderId,
      sequence,
      at: Date.now(),
      causationId: null,
      data: { orderId, userId, orderNumber, status, reason: "CANCELLED_BY_USER" },
    });
  const refused = orderMessage({
    type: "OrderCancelRefused",
    eventId: orderEventId(orderId, "OrderCancelRefused"),
    stream: `${orderId}/CANCEL`,
    sequence: 2,
    at: Date.now(),
    causationId: null,
    data: { orderId, userId, orderNumber, reason: "ORDER_NOT_CANCELLABLE" },
  });
  const publish = async (...events: object[]) => {
    await world.rawProducer.sendAll(events.map((event) => ({ topic, key: null, value: JSON.stringify(event) })));
    await until("all is committed", async () => (await world.lag(topic)) === 0);
  };
  const inbox = createInbox(world.redis);
  const role = notify({
    inbox,
    routes: createRoutes(world.redis),
    orders: createToldOrders(world.redis),
    publish: (channel, text) => world.redis.publish(channel, text),
    log: world.log,
  });
  const runner = world.run(role, topic);
  await publish(stage("COMPENSATING", 6), stage("CANCELLED", 12), stage("COMPENSATING", 6));
  await publish(stage("CANCELLED", 12), stage("COMPENSATING", 6), refused, {
    ...stage("CANCELLED", 12),
    sequence: "12",
  });
  await runner.stop(1_000);
  const told = (await inbox.read(userId, null, 10)).messages.map(({ json }) => JSON.parse(json));
  expect(told).toEqual([
    { type: "order.status", orderId, orderNumber, status: "COMPENSATING", reason: "CANCELLED_BY_USER" },
    { type: "order.status", orderId, orderNumber, status: "CANCELLED", reason: "CANCELLED_BY_USER" },
    { type: "order.cancel_refused", orderId, orderNumber, reason: "ORDER_NOT_CANCELLABLE" },
  ]);
  for (const message of told)
    expect(Value.Check(ServerMessages[message.type as "order.status"], { ...message, cursor: "c" })).toBe(true);
  expect((await world.read(`${topic}.DLT`, 1)).length).toBe(1);
}, 180_000);
