import { afterAll, beforeAll, expect, test } from "bun:test";
import { connect, createServer, type Server } from "node:net";
import { createDatabase } from "../../db/client.ts";
import { createBunKafka } from "../../kafka/bun/kafka.ts";
import { createRedis, whenReady } from "../../lua/redis.ts";
import { brokersOf } from "../../stack/ready.ts";
import { testStack } from "../support/stack.ts";

// The services listen on 127.0.0.1 only: each is reached through a door on ::1 that copies bytes.
const doors: Server[] = [];
afterAll(() => {
  for (const door of doors) door.close();
});

async function doorTo(address: string): Promise<string> {
  const door = createServer((inside) => {
    const outside = connect(Number(address.split(":").at(-1)), "127.0.0.1");
    inside.pipe(outside).pipe(inside);
    for (const socket of [inside, outside]) socket.on("error", () => {});
  });
  doors.push(door);
  await new Promise<void>((resolve) => door.listen(0, "::1", resolve));
  return `[::1]:${(door.address() as { port: number }).port}`;
}

let env: Record<string, string>;
beforeAll(async () => {
  env = (await testStack()).env as Record<string, string>;
}, 180_000);

test("Redis, PostgreSQL and Kafka are found at an IPv6 address in a URL", async () => {
  const url = new URL(env.DATABASE_URL!);
  const database = createDatabase(env.DATABASE_URL!.replace(url.host, await doorTo(url.host)), {
    max: 1,
    name: "ipv6",
  });
  expect(await database.sql`SELECT 1 AS one`).toMatchObject([{ one: 1 }]);
  await database.close();

  const { host } = new URL(env.REDIS_URL!);
  const redis = createRedis(env.REDIS_URL!.replace(host, await doorTo(host)));
  expect(await whenReady(redis, 60_000)).toBe(true);
  expect(await redis.ping()).toBe("PONG");
  redis.disconnect();

  const brokers = await doorTo(env.KAFKA_BROKERS!);
  expect(await brokersOf(brokers)).toBe(1);
  const admin = createBunKafka({ brokers, clientId: "ipv6" }).admin();
  expect(await admin.describeTopics(["coupon-events"])).toHaveLength(1);
  await admin.close();
}, 60_000);
