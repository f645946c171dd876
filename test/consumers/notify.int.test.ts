import { afterAll, beforeAll, expect, test } from "bun:test";
import { Value } from "@sinclair/typebox/value";
import { failedRecord, issuedRecord } from "../../consumers/claims/persist/announce.ts";
import { type NotifyDeps, notify } from "../../consumers/notify/role.ts";
import { orderMessage } from "../../contracts/orders/messages.ts";
import { orderEventId } from "../../contracts/orders/streams.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import { ServerMessages } from "../../contracts/wire/socket-messages.ts";
import { createInbox, type Inbox } from "../../lua/inbox.ts";
import { gatewayChannel, userKeys } from "../../lua/keys.ts";
import { createSubscriber } from "../../lua/redis.ts";
import { createRoutes } from "../../lua/routes.ts";
import { UNHURRIED } from "../support/redis.ts";
import { until } from "../support/until.ts";
import { anOrder } from "./order-world.ts";
import { type ConsumerWorld, createWorld, WORLD_MS } from "./world.ts";

let world: ConsumerWorld;
let inbox: Inbox;
beforeAll(async () => {
  world = await createWorld();
  inbox = createInbox(world.redis);
}, WORLD_MS);
afterAll(() => world.close());

let oldNews = 0;

/** The role's neighbours, real ones unless replaced. */
function deps(others: Partial<NotifyDeps> = {}): NotifyDeps {
  return {
    inbox,
    routes: createRoutes(world.redis),
    publish: (channel, text) => world.redis.publish(channel, text),
    canWait: false,
    observe: { old: (messages) => (oldNews += messages), waiting: () => {} },
    log: world.log,
    ...others,
  };
}

const committed = (topic: string) => until("all is committed", async () => (await world.lag(topic)) === 0);

/** The slots in a user's inbox. */
async function slotsOf(userId: UserId): Promise<unknown[]> {
  const { messages } = await inbox.read(userId, null, 1_000);
  return messages.map(({ json }) => JSON.parse(json).slot);
}

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
  await routes.add(ann, "c1", `gw-a-${unique}`);
  await routes.add(ann, "c2", `gw-a-${unique}`);
  await routes.add(bob, "c3", `gw-b-${unique}`);
  await routes.add(cem, "c4", `gw-dead-${unique}`);
  const heard: { channel: string; payload: { u: string; c: string; m: string; p?: string }[] }[] = [];
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
  const role = notify(deps({ inbox, routes }));
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
  expect(toA.payload).toEqual([
    { u: ann, c: read.messages[0]!.cursor, m: read.messages[0]!.json, p: "" }, // two sockets, one push
  ]);
  expect((await world.read(`${topic}.DLT`, 1)).length).toBe(1);
  // A gateway that does not answer right now may only be reconnecting: its route is still there.
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
  const role = notify(deps({ inbox }));
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

test("a batch that half failed is told once to every user, and a push that failed is repeated", async () => {
  const topic = await world.newTopic(1);
  const sale = await world.newSale(10);
  const users = Array.from({ length: 70 }, (_, i) => `half-${sale}-${i}` as UserId);
  const routes = createRoutes(world.redis);
  const gatewayId = `gw-half-${sale}`;
  await routes.add(users[0]!, "c1", gatewayId);
  const pushed: { c: string }[] = [];
  let failures = 2;
  const role = notify(
    deps({
      inbox: {
        // The second call of the first try never comes back; in the second try it is the push.
        async appendAll(items) {
          const all = await inbox.appendAll(items);
          if (failures !== 2) return all;
          failures--;
          return all.map((one, i) => (i < 64 ? one : new StampedeError("REDIS_UNAVAILABLE")));
        },
      },
      async publish(channel, text) {
        if (failures === 1) {
          failures--;
          throw new StampedeError("REDIS_UNAVAILABLE");
        }
        pushed.push(...JSON.parse(text));
        return await world.redis.publish(channel, text);
      },
    }),
  );
  const records = users.map((user, i) => issuedRecord(world.forged(sale, user, i + 1), i + 1, new Date()));
  await world.rawProducer.sendAll(records.map((record) => ({ ...record, topic, key: null })));
  const runner = world.run(role, topic);
  await committed(topic);
  await runner.stop(1_000);
  expect(failures).toBe(0);
  for (const [i, user] of users.entries()) expect(await slotsOf(user)).toEqual([i + 1]);
  const { messages } = await inbox.read(users[0]!, null, 10);
  expect(pushed.at(-1)!.c).toBe(messages[0]!.cursor);
}, 180_000);

test("a user whose inbox can't be written becomes a dead letter, and all others are told", async () => {
  const topic = await world.newTopic(1);
  const sale = await world.newSale(10);
  const users = ["ok", "broken", "fine"].map((name) => `${name}-${sale}` as UserId);
  await world.redis.set(userKeys(users[1]!).inbox, "not a stream");
  const records = users.map((user, i) => issuedRecord(world.forged(sale, user, i + 1), i + 1, new Date()));
  await world.rawProducer.sendAll(records.map((record) => ({ ...record, topic, key: null })));
  const runner = world.run(notify(deps()), topic);
  await committed(topic);
  await runner.stop(1_000);
  expect([await slotsOf(users[0]!), await slotsOf(users[2]!)]).toEqual([[1], [3]]);
  expect((await world.read(`${topic}.DLT`, 1)).length).toBe(1);
}, 180_000);

test("users whose part of a cluster is away wait, in order, while the others are told; nothing is committed over them", async () => {
  const topic = await world.newTopic(1);
  const sale = await world.newSale(10);
  const [here, away] = ["here", "away"].map((name) => `${name}-${sale}` as UserId) as [UserId, UserId];
  let isAway = true;
  const appendAll: Inbox["appendAll"] = async (items) => {
    const there = await inbox.appendAll(items.filter(({ userId }) => userId !== away || !isAway));
    return items.map(({ userId }) =>
      userId === away && isAway ? new StampedeError("REDIS_UNAVAILABLE") : there.shift()!,
    );
  };
  const waiting: number[] = [];
  const observe = { old: () => {}, waiting: (messages: number) => void waiting.push(messages) };
  const runner = world.run(notify(deps({ inbox: { appendAll }, canWait: true, observe })), topic);
  const tell = (user: UserId, slot: number) =>
    world.rawProducer.sendAll([
      { ...issuedRecord(world.forged(sale, user, slot), slot, new Date()), topic, key: null },
    ]);
  await tell(away, 1);
  await until("the first waits", () => waiting.at(-1) === 1);
  await tell(away, 2);
  await tell(here, 3);
  await until("the other one is told", async () => (await slotsOf(here)).length === 1);
  await until("both wait", () => waiting.at(-1) === 2);
  expect(await world.lag(topic)).toBe(3);
  isAway = false;
  await committed(topic);
  await runner.stop(1_000);
  expect([await slotsOf(here), await slotsOf(away)]).toEqual([[3], [1, 2]]);
}, 180_000);

test("a group that is reset to earliest tells nothing again, and nothing that is older than a day", async () => {
  const topic = await world.newTopic(1);
  const sale = await world.newSale(200);
  const user = `reset-${sale}` as UserId;
  const other = `lost-${sale}` as UserId;
  const record = (userId: UserId, slot: number, hoursAgo: number) => {
    const made = issuedRecord(world.forged(sale, userId, slot), slot, new Date());
    const event = JSON.parse(String(made.value));
    return {
      topic,
      key: null,
      value: JSON.stringify({ ...event, occurredAt: new Date(Date.now() - hoursAgo * 3_600_000) }),
    };
  };
  const many = Array.from({ length: 90 }, (_, i) => record(user, i + 1, 0));
  await world.rawProducer.sendAll([
    ...many,
    record(user, 100, 25),
    record(other, 101, 30 * 24),
    record(other, 102, 23),
  ]);
  const expected = Array.from({ length: 90 }, (_, i) => i + 1);
  for (const _ of ["first", "reset"]) {
    oldNews = 0;
    const runner = world.run(notify(deps()), topic, `group-${crypto.randomUUID()}`);
    await until("all was looked at", () => oldNews === 2);
    await until("the newest is told", async () => (await slotsOf(other)).length > 0);
    await runner.stop(1_000);
    expect([await slotsOf(user), await slotsOf(other)]).toEqual([expected, [102]]);
  }
}, 180_000);
