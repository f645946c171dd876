import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { allTopics } from "../../contracts/topics.ts";
import { createBunKafka } from "../../kafka/bun/kafka.ts";
import { sandbox } from "./cli.ts";

setDefaultTimeout(180_000);

const box = sandbox({ cluster: true });
let up: Awaited<ReturnType<typeof box.run>>;
let firstVerify: Awaited<ReturnType<typeof box.run>>;
beforeAll(async () => {
  up = await box.run(["up", "--cluster"]);
  firstVerify = await box.run(["verify"]);
}, 180_000);
afterAll(() => box.remove(), 180_000);

const port = (member: number) => box.ports.redis + member;
const env = async () => {
  const { out } = await box.run(["env"]);
  return Object.fromEntries([...out.matchAll(/^export (\w+)='(.*)'$/gm)].map(([, name, value]) => [name!, value!]));
};

const login = () => `default:${box.password("REDIS_PASSWORD")}@`;

async function ask<T>(at: number, work: (redis: Bun.RedisClient) => Promise<T>): Promise<T> {
  const redis = new Bun.RedisClient(`redis://${login()}127.0.0.1:${at}`, { autoReconnect: false });
  try {
    return await work(redis);
  } finally {
    redis.close();
  }
}

const roles = () =>
  Promise.all(
    [0, 1, 2, 3, 4, 5].map((member) =>
      ask(port(member), async (redis) => {
        const info = String(await redis.send("INFO", ["replication"]));
        return /role:master/.test(info) ? `master of ${/connected_slaves:(\d)/.exec(info)![1]}` : "replica";
      }),
    ),
  );

test("up --cluster starts three brokers and six Redis, and later commands know", async () => {
  expect(up).toMatchObject({ code: 0, errors: "" });
  expect(box.pids("kafka")).toHaveLength(3);
  expect(box.pids("redis")).toHaveLength(6);
  expect(await roles()).toEqual([..."111"].map(() => "master of 1").concat("replica", "replica", "replica"));
  const { KAFKA_BROKERS, REDIS_URL } = await env();
  const { kafka } = box.ports;
  expect(KAFKA_BROKERS).toBe([kafka, kafka + 2, kafka + 4].map((at) => `127.0.0.1:${at}`).join());
  expect(REDIS_URL).toBe(
    `redis+cluster://${login()}${[0, 1, 2, 3, 4, 5].map((member) => `127.0.0.1:${port(member)}`).join()}`,
  );
  const all = JSON.parse((await box.run(["status", "--json"])).out);
  expect(all.map(({ state }: { state: string }) => state)).toEqual(["up", "up", "up", "up", "up", "up"]);
  expect((await box.run(["logs", "kafka"])).out).toMatch(/broker-3 INFO .*Kafka Server started/);
  expect((await box.run(["up"])).out).toMatch(/✓ kafka +already up.*✓ gateway +already up/s);
});

test("verify has an answer as soon as the stack is up for the first time", () => {
  expect(firstVerify).toMatchObject({ code: 0, errors: "" });
});

test("every topic has three copies of which two must have a record, and no broker leads without them", async () => {
  const admin = createBunKafka({ brokers: (await env()).KAFKA_BROKERS!, clientId: "test" }).admin();
  try {
    const topics = await admin.describeTopics([...allTopics().keys()]);
    expect(topics).toHaveLength(allTopics().size);
    for (const { replicationFactor, config } of topics) {
      expect(replicationFactor).toBe(3);
      expect(config).toMatchObject({ "min.insync.replicas": "2", "unclean.leader.election.enable": "false" });
    }
  } finally {
    await admin.close();
  }
  expect(await box.run(["topics", "diff"])).toMatchObject({ code: 0, out: "the cluster is as declared\n" });
});

test("a crowd's demo on the cluster is exactly as promised, and verify agrees", async () => {
  const file = join(box.dir, "demo.json");
  const crowd = ["--users", "3000", "--coupons", "300", "--connections", "64", "--sockets", "20", "--orders", "200"];
  const demo = await box.run(["demo", "--cluster", ...crowd, "--json", file]);
  expect(demo).toMatchObject({ code: 0, errors: "" });
  expect(demo.out).toMatch(/services +3 Kafka brokers, a Redis Cluster/);
  const result = JSON.parse(readFileSync(file, "utf8"));
  expect(result).toMatchObject({ ok: true, winners: 300, persisted: 300, oversold: 0, lost: 0, duplicates: 0 });
  expect(result.orders).toMatchObject({ placed: 200, unsettled: 0, verified: true });
  expect(result.orders.completed + result.orders.cancelled).toBe(200);
  const { ok, checks } = JSON.parse((await box.run(["verify", "--json"])).out);
  expect(checks.filter((check: { ok: boolean }) => !check.ok)).toEqual([]);
  expect(ok).toBe(true);
});

test("a killed broker and a killed Redis are started again, the others are left alone", async () => {
  const before = { kafka: box.pids("kafka"), redis: box.pids("redis") };
  process.kill(before.kafka[1]!, "SIGKILL");
  process.kill(before.redis[4]!, "SIGKILL");
  const [redis, , kafka] = JSON.parse((await box.run(["status", "--json"])).out);
  expect([redis.state, kafka.state]).toEqual(["partly", "partly"]);
  expect(await box.run(["up", "redis", "kafka"])).toMatchObject({ code: 0, errors: "" });
  const after = { kafka: box.pids("kafka"), redis: box.pids("redis") };
  expect(after.kafka.toSpliced(1, 1)).toEqual(before.kafka.toSpliced(1, 1));
  expect(after.redis.toSpliced(4, 1)).toEqual(before.redis.toSpliced(4, 1));
  expect(after.kafka[1]).not.toBe(before.kafka[1]!);
  expect(after.redis[4]).not.toBe(before.redis[4]!);
  expect((await roles()).filter((role) => role === "replica")).toHaveLength(3);
});

test("a Redis or a Kafka of another stack contradicts --cluster", async () => {
  const { code, errors } = await box.run(["up", "--cluster"], { REDIS_URL: "redis://127.0.0.1:1" });
  expect(code).toBe(1);
  expect(errors).toBe("error: --cluster starts a separate redis, and REDIS_URL names another: unset REDIS_URL\n");
  // What ./dev env says is no contradiction.
  expect((await box.run(["up", "redis"], { REDIS_URL: (await env()).REDIS_URL! })).out).toMatch(/already up/);
});

test("a single Redis beside it has separate data, and the cluster's is still there afterwards", async () => {
  const sales: { id: string; name: string }[] = JSON.parse((await box.run(["sale", "list", "--json"])).out);
  const sale = sales.find(({ name }) => name === "Rush for 300")!.id;
  const winners = `{c:${sale}}:winners`;
  const inCluster = async () => {
    const counts = await Promise.all(
      [0, 1, 2, 3, 4, 5].map((member) => ask(port(member), (redis) => redis.send("HLEN", [winners]).catch(() => 0))),
    );
    return Math.max(...counts.map(Number));
  };
  expect(await inCluster()).toBe(300);
  const single = await box.run(["up", "redis", "--no-cluster"]);
  expect(single).toMatchObject({ code: 0, errors: "" });
  expect(single.out).toMatch(/✓ kafka +stopped/);
  expect(box.pids("redis")).toHaveLength(1);
  expect((await env()).REDIS_URL).toBe(`redis://${login()}127.0.0.1:${port(0)}`);
  expect(Number(await ask(port(0), (redis) => redis.send("DBSIZE", [])))).toBe(0);
  expect(await box.run(["up", "redis", "--cluster"])).toMatchObject({ code: 0, errors: "" });
  expect(await inCluster()).toBe(300);
});

test("down stops all of it and forgets the cluster", async () => {
  expect((await box.run(["down", "redis"])).out).toMatch(/✓ redis +stopped/);
  const listening = await Promise.allSettled([0, 5].map((member) => ask(port(member), (redis) => redis.ping())));
  expect(listening.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect((await env()).REDIS_URL).toBe(`redis://${login()}127.0.0.1:${port(0)}`);
});
