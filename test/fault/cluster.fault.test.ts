import { afterAll, beforeAll, expect, test } from "bun:test";
import { saleKeys } from "../../lua/keys.ts";
import { recorder } from "../history/recorder.ts";
import { type ClusterStack, startClusterStack } from "../support/cluster-stack.ts";
import { promisesKept } from "../support/promises-kept.ts";
import { everyWord, lastWords, named, rush, type UserStory } from "../support/rush.ts";
import { type System, startSystem } from "../support/system.ts";

let cluster: ClusterStack;
let system: System;
beforeAll(async () => {
  cluster = await startClusterStack();
  system = await startSystem("cluster", { stack: cluster.stack, gateways: 2 });
}, 180_000);
afterAll(async () => {
  await system?.close();
  await cluster?.remove();
}, 180_000);

const gatewayFor = (user: number, attempt: number) => system.gateways[(user + attempt) % 2]!.url;
const codes = (stories: readonly UserStory[]) => stories.flatMap(({ answers }) => answers.map(({ body }) => body.code));
/** Answers that say won: a repeat after a broken connection is 200. */
const won = (words: Record<string, number>) => (words["202"] ?? 0) + (words["200"] ?? 0);
const epochOf = async (couponId: string): Promise<number> =>
  (await system.sql`SELECT epoch FROM coupons WHERE id = ${couponId}`)[0]!.epoch;

test("a rush on three brokers and a Redis Cluster: exactly as many as there are, each acknowledged by two brokers", async () => {
  const { id } = await system.createSale({ total: 300 });
  const stories = await rush({ couponId: id, users: named("calm", 3_000), gatewayFor, token: system.token });
  expect(lastWords(stories)).toEqual({ 202: 300, SOLD_OUT: 2_700 });
  await promisesKept(system, id, { winners: 300 });
}, 180_000);

test("a broker killed in mid-rush: claims go on without it, and none is lost", async () => {
  const { id } = await system.createSale({ total: 1_000 });
  let killed: Promise<void> | undefined;
  const stories = await rush({
    couponId: id,
    users: named("brokerless", 3_000),
    gatewayFor,
    token: system.token,
    begins: (user) => {
      if (user === 300) killed = cluster.killOne("kafka", 0);
    },
  });
  await killed;
  // While the log has no leader, Redis' ledger answers for it.
  expect([...everyWord(stories)]).not.toContain("KAFKA_UNAVAILABLE");
  expect(lastWords(stories)).toEqual({ 202: 1_000, SOLD_OUT: 2_000 });
  await promisesKept(system, id, { winners: 1_000, fault: "one broker of three killed" });
  const others = cluster.stack.pids("kafka");
  expect(others).toHaveLength(2);
  await cluster.stack.up(["kafka"]);
  expect(cluster.stack.pids("kafka")).toHaveLength(3);
  expect(cluster.stack.pids("kafka").slice(1)).toEqual(others);
}, 180_000);

test("the Redis that owns the sale killed in mid-rush: its replica takes over and decides nothing before it knows all claims", async () => {
  const { id } = await system.createSale({ total: 1_000 });
  const { stack } = cluster;
  const members = stack.env.REDIS_URL.split(",").map((address) => Number(address.split(":").at(-1)));
  const owner = await cluster.ownerOf(saleKeys(id).sale);
  let killedAt = 0;
  let killed: Promise<void> | undefined;
  const stories = await rush({
    couponId: id,
    users: named("failed-over", 3_000),
    gatewayFor,
    token: system.token,
    patienceMs: 120_000,
    begins: (user) => {
      if (user === 400) {
        killedAt = performance.now();
        killed = cluster.killOne("redis", members.indexOf(owner!)).then(() => recorder.redisLost());
      }
    },
  });
  await killed;
  console.log(`reopened and sold out ${((performance.now() - killedAt) / 1_000).toFixed(1)} s after the kill`);
  expect(codes(stories)).toContain("SALE_RECOVERING");
  const words = lastWords(stories);
  expect(won(words)).toBe(1_000);
  expect(words.SOLD_OUT).toBe(2_000);
  expect(await cluster.ownerOf(saleKeys(id).sale)).not.toBe(owner);
  expect(await epochOf(id)).toBeGreaterThan(1);
  await promisesKept(system, id, { winners: 1_000, fault: "a Redis master killed, its replica promoted" });
  // Back, it is the replica of the one that took over.
  await stack.up(["redis"]);
  expect(stack.pids("redis")).toHaveLength(6);
  expect(await cluster.ownerOf(saleKeys(id).sale)).not.toBe(owner);
}, 180_000);
