import { expect, test } from "bun:test";
import { createDatabase } from "../db/client.ts";
import { KafkaError, type KafkaErrorCode } from "../kafka/kafka.ts";
import { needsKafka, needsPostgres } from "./away.ts";

test("a PostgreSQL that does not answer is named with its address, without the password, and what to do", async () => {
  const url = "postgres://ada:hunter2@127.0.0.1:1/db";
  const database = createDatabase(url, { max: 1, name: "test" });
  const asked = needsPostgres(url, async () => await database.sql`SELECT 1`);
  await expect(asked).rejects.toThrow(
    /^PostgreSQL does not answer at postgres:\/\/127\.0\.0\.1:1\/db: .*ECONNREFUSED.*\. Start it with \.\/dev up$/,
  );
  await database.close();
  const missing = Object.assign(new Error("no such table"), { code: "42P01" });
  await expect(needsPostgres(url, () => Promise.reject(missing))).rejects.toBe(missing);
});

test("a Kafka that does not answer is named so, too; what it refuses is not", async () => {
  const failing = (code: KafkaErrorCode) => async () => {
    throw new KafkaError(code, "metadata: Local: Broker transport failure");
  };
  await expect(needsKafka("k:9092", failing("INVALID"))).rejects.toThrow(/^metadata/);
  await expect(needsKafka("k:9092", failing("UNAVAILABLE"))).rejects.toThrow(
    "Kafka does not answer at k:9092: metadata: Local: Broker transport failure. Start it with ./dev up",
  );
});
