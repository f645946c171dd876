import { afterAll, beforeAll, expect, test } from "bun:test";
import { failedRecord, issuedRecord } from "../../consumers/coupon-persist/announce.ts";
import { notify } from "../../consumers/notify/role.ts";
import type { UserId } from "../../contracts/ids.ts";
import { createInbox } from "../../lua/inbox.ts";
import { gatewayChannel } from "../../lua/keys.ts";
import { createSubscriber } from "../../lua/redis.ts";
import { createRoutes } from "../../lua/routes.ts";
import { createWorld, until, WORLD_MS, type World } from "./world.ts";

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
  const gateways = createSubscriber(world.config.REDIS_URL);
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
