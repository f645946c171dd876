import { afterAll, beforeAll, expect, test } from "bun:test";
import { call } from "../support/client.ts";
import { promisesKept } from "../support/promises-kept.ts";
import { lastWords, named, rush } from "../support/rush.ts";
import { TestSocket } from "../support/socket.ts";
import { type System, startSystem } from "../support/system.ts";
import { until } from "../support/until.ts";

let system: System;
beforeAll(async () => {
  // So long that a claim on Kafka's way is one that Kafka has confirmed, on a slow machine, too.
  const gatewayEnv = { CLAIM_ACK_MS: "1500" };
  // The broker notices after its session that a member was killed; this is the shortest it accepts.
  const consumersEnv = { KAFKA_PROPERTIES: "session.timeout.ms=6000" };
  system = await startSystem("pipeline_switch", { gateways: 2, gatewayEnv, consumersEnv });
}, 180_000);
afterAll(async () => {
  await system?.stack.up(["redis", "kafka"]);
  await system?.close();
}, 180_000);

const KILLED = 128 + 9;
const switchTo = async (pipeline: unknown) => {
  const answer = await call(`${system.url}/admin/pipeline`, {
    method: "PUT",
    token: system.operator,
    json: { pipeline },
  });
  expect(answer.status).toBe(200);
};
const gatewayFor = (user: number, attempt: number) => system.gateways[(user + attempt) % 2]!.url;

/** What the acceptances said, in the order of the users. */
const durabilities = (stories: Awaited<ReturnType<typeof rush>>) =>
  stories.map(({ answers }) => answers.at(-1)!.body.durable as string | undefined).filter((one) => one !== undefined);

test("switched to Redis, back, and to half of the users in mid-sale: exactly N, all persisted", async () => {
  const { id } = await system.createSale({ total: 4_000 });
  const switches = new Map<number, unknown>([
    [1_000, "redis"],
    [2_000, "kafka"],
    [3_000, 50],
  ]);
  let done = 0;
  let switching = Promise.resolve();
  const broken: unknown[] = [];
  let rushing = true;
  const checking = (async () => {
    while (rushing) broken.push(...(await system.violations()));
  })();
  const stories = await rush({
    couponId: id,
    users: named("rusher", 6_000),
    gatewayFor,
    token: system.token,
    // No user overtakes a switch, so that on every machine as many go each way.
    begins(user) {
      if (switches.has(user)) switching = switchTo(switches.get(user)).then(() => void done++);
      return switching;
    },
  });
  rushing = false;
  await checking;
  expect(broken).toEqual([]);
  expect(done).toBe(3);
  expect(lastWords(stories)).toEqual({ 202: 4_000, SOLD_OUT: 2_000 });
  const told = durabilities(stories);
  for (const durable of ["kafka", "ledger"]) {
    expect(told.filter((one) => one === durable).length, durable).toBeGreaterThan(500);
  }
  await promisesKept(system, id, { winners: 4_000, fault: "pipeline switched in mid-sale" });
}, 180_000);

test("with the consumers killed twice meanwhile: what they left is taken up, on either way", async () => {
  const { id } = await system.createSale({ total: 4_000 });
  const ways = ["redis", "kafka", 50, "redis", 10, "kafka", "redis", 50];
  let rushing = true;
  const switching = (async () => {
    for (let i = 0; rushing; i++) {
      await switchTo(ways[i % ways.length]);
      await Bun.sleep(250);
    }
  })();
  const rows = async () => {
    const [row] = await system.sql`SELECT count(*)::int AS n FROM user_coupons WHERE coupon_id = ${id}`;
    return row!.n as number;
  };
  const killWhenPast = async (count: number) => {
    await until("they are at work", async () => (await rows()) > count);
    const victim = system.consumers.at(-1)!;
    victim.kill("SIGKILL");
    expect(await victim.exited).toBe(KILLED);
  };
  const first = killWhenPast(100);
  const second = first.then(() => system.addConsumers()).then(() => killWhenPast(1_600));
  // The later users come when the kills are done.
  const begins = async (user: number) => {
    if (user >= 1_500) await first;
    if (user >= 3_000) await second;
  };
  const stories = await rush({
    couponId: id,
    users: named("survivor", 4_500),
    gatewayFor,
    token: system.token,
    atOnce: 6,
    begins,
  });
  await second;
  rushing = false;
  await switching;
  await system.addConsumers();
  expect(lastWords(stories)).toEqual({ 202: 4_000, SOLD_OUT: 500 });
  expect(new Set(durabilities(stories))).toEqual(new Set(["kafka", "ledger"]));
  await promisesKept(system, id, { winners: 4_000, fault: "pipeline switched, consumers killed twice" });
}, 180_000);

test("a gateway killed right after Redis granted: the claim was not announced, and it is issued all the same", async () => {
  await switchTo("redis");
  const { id } = await system.createSale({ total: 20 });
  const doomed = await system.addGateway({ FAULT_POINT: "claim:after-lua" });
  const users = named("orphan", 20);
  const [lost, ...rest] = users;
  const broken = await call(`${doomed.url}/coupons/${id}/issue`, { method: "POST", token: system.token(lost!) }).catch(
    () => null,
  );
  expect(broken).toBeNull();
  expect(await doomed.exited).toBe(KILLED);
  await until("it is persisted", async () => {
    const [row] = await system.sql`SELECT user_id FROM user_coupons WHERE coupon_id = ${id}`;
    return row?.user_id === lost;
  });
  const stories = await rush({ couponId: id, users: [lost!, ...rest], gatewayFor, token: system.token });
  expect(lastWords(stories)).toEqual({ 200: 1, 202: 19 });
  await promisesKept(system, id, { winners: 20, fault: "gateway killed on the Redis pipeline" });
}, 180_000);

test("Redis killed in mid-sale, on the Redis pipeline: what its file kept is issued, and never one too many", async () => {
  await switchTo("redis");
  const { id } = await system.createSale({ total: 1_000 });
  let restart: Promise<void> | undefined;
  let killed: Promise<void> | undefined;
  const stories = await rush({
    couponId: id,
    users: named("unshaken", 2_000),
    gatewayFor,
    token: system.token,
    begins(user) {
      if (user === 400) {
        killed = system.crash("redis");
        restart = killed.then(() => system.stack.up(["redis"]));
      }
      return killed; // from here on they come to a sale that is lost
    },
  });
  await restart;
  const words = lastWords(stories);
  expect((words["202"] ?? 0) + (words["200"] ?? 0)).toBe(1_000);
  expect(words.SOLD_OUT).toBe(1_000);
  await promisesKept(system, id, { winners: 1_000, fault: "Redis killed on the Redis pipeline" });
}, 180_000);

test("Kafka killed in mid-sale, on the Redis pipeline: claims are taken and persisted without it; when it is back, every user is told", async () => {
  await switchTo("redis");
  const { id } = await system.createSale({ total: 3_000 });
  const users = named("unbothered", 3_500);
  const told = await TestSocket.welcomed(system.url, system.token(users[0]!));
  let crash: Promise<void> | undefined;
  const stories = await rush({
    couponId: id,
    users,
    gatewayFor,
    token: system.token,
    begins(user) {
      if (user === 500) crash = system.crash("kafka");
      return crash; // later users come while it is away
    },
  });
  await crash;
  expect(lastWords(stories)).toEqual({ 202: 3_000, SOLD_OUT: 500 });
  await until("they are persisted without Kafka", async () => {
    const [row] = await system.sql`SELECT count(*)::int AS n FROM user_coupons WHERE coupon_id = ${id}`;
    return row!.n === 3_000;
  });
  expect(await system.redis.xlen(`{c:${id}}:ledger`)).toBeGreaterThan(1_000);
  await system.stack.up(["kafka"]);
  await told.hears("coupon.issued");
  told.close();
  await promisesKept(system, id, { winners: 3_000, fault: "Kafka killed on the Redis pipeline" });
}, 180_000);
