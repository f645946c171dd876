import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDatabase, type Database } from "../../db/client.ts";
import { createBunKafka } from "../../kafka/bun/kafka.ts";
import type { Kafka } from "../../kafka/kafka.ts";
import { createRedis, type RedisConnection, whenReady } from "../../lua/redis.ts";
import type { Readers } from "../../verify/verify.ts";
import { createBroker } from "../kafka/broker.ts";
import { freePort } from "../support/free-port.ts";
import { freshDatabase } from "../support/postgres.ts";
import { UNHURRIED } from "../support/redis.ts";

/** The three services as the checker meets them: those of the environment, or private ones. The database is new. */
export interface VerifyServices {
  readonly env: Readonly<Record<string, string>>;
  readonly redis: RedisConnection;
  readonly database: Database;
  readonly kafka: Kafka;
  readonly readers: Readers;
  close(): Promise<void>;
}

/** Groups of the tests' own, so that neither consumers nor tests that ran before are in the picture. */
const READERS = {
  requests: { groupId: `verify-test-${crypto.randomUUID()}`, topics: ["coupon-requests"] },
  claims: { groupId: `verify-test-${crypto.randomUUID()}`, topics: ["coupon-issue-requests"] },
  news: { groupId: `verify-test-${crypto.randomUUID()}`, topics: ["coupon-events"] },
  placed: { groupId: `verify-test-${crypto.randomUUID()}`, topics: ["order-events"] },
  orders: [],
} satisfies Readers;
const TOPICS = { "coupon-requests": 6, "coupon-issue-requests": 6, "coupon-events": 8, "order-events": 16 };

export async function verifyServices(): Promise<VerifyServices> {
  const database = await freshDatabase();
  const redisServer = await redisUrl();
  const broker = await kafkaBrokers();
  const redis = createRedis(redisServer.url, { name: "verify-test", ...UNHURRIED });
  if (!(await whenReady(redis, 60_000))) throw new Error(`Redis does not answer at ${redisServer.url}`);
  const kafka = createBunKafka({ brokers: broker.address, clientId: "verify-test" });
  const admin = kafka.admin();
  await admin.createTopics(
    Object.entries(TOPICS).map(([name, partitions]) => ({ name, partitions, replicationFactor: 1, config: {} })),
  );
  const { requests, claims, news, placed } = READERS;
  for (const group of [requests, claims, news, placed]) await catchUp(kafka, group);
  await admin.close();
  const handle = createDatabase(database.url, { max: 2, name: "verify-test" });
  return {
    env: { REDIS_URL: redisServer.url, DATABASE_URL: database.url, KAFKA_BROKERS: broker.address },
    redis,
    database: handle,
    kafka,
    readers: READERS,
    async close() {
      redis.disconnect();
      await handle.close();
      await database.drop();
      await redisServer.stop();
      await broker.stop();
    },
  };
}

/** The group stands at the end of its topic, as one that has consumed everything. */
async function catchUp(kafka: Kafka, { groupId, topics }: Readers["claims"]): Promise<void> {
  const admin = kafka.admin();
  const consumer = kafka.consumer({ groupId, topics });
  while (consumer.assignment().length === 0) await consumer.poll(1, 50);
  await consumer.commit(await admin.endOffsets(topics[0]!));
  await consumer.close();
  await admin.close();
}

async function redisUrl() {
  if (process.env.REDIS_URL) return { url: process.env.REDIS_URL, stop: async () => {} };
  const port = freePort();
  const args = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
  const server = Bun.spawn(["redis-server", ...args], { stdout: "ignore", stderr: "ignore" });
  const stop = async () => {
    server.kill();
    await server.exited;
  };
  return { url: `redis://127.0.0.1:${port}`, stop };
}

async function kafkaBrokers() {
  if (process.env.KAFKA_BROKERS) return { address: process.env.KAFKA_BROKERS, stop: async () => {} };
  const dataDir = mkdtempSync(join(tmpdir(), "stampede-verify-kafka-"));
  const broker = await createBroker({ dataDir, port: freePort() });
  await broker.start();
  const stop = async () => {
    await broker.remove();
    rmSync(dataDir, { recursive: true, force: true });
  };
  return { address: broker.address, stop };
}
