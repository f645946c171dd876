import { awaySentence } from "../contracts/wire/address.ts";
import { createDatabase, type Sql } from "../db/client.ts";
import type { Kafka } from "../kafka/kafka.ts";
import { createRedis, type RedisConnection, whenReady } from "../lua/redis.ts";

/** The addresses of the services, under the names that every process of the project reads. */
export type VerifyEnvironment = Readonly<Record<string, string | undefined>>;

export interface Services {
  readonly redis: RedisConnection;
  /** One connection: staging.ts keeps temporary tables in its session. */
  readonly sql: Sql;
  readonly kafka: Kafka;
  /** Whether the consumers of this machine run. */
  readonly consumersUp: () => Promise<boolean>;
  /** The payment provider's address, if there is one. No promise depends on whether it answers. */
  readonly providerUrl: string | undefined;
}

export interface Connected {
  /** null when any of them is away. */
  readonly services: Services | null;
  /** A sentence per service that does not answer. */
  readonly missing: readonly string[];
  /** How many services were asked. */
  readonly reached: number;
  close(): Promise<void>;
}

const PATIENCE_MS = 4_000;

/**
 * Connects to Redis and PostgreSQL, and asks whether they and Kafka answer.
 * Never throws: a service that does not answer is named in `missing`.
 */
export async function connect(env: VerifyEnvironment, kafka: Kafka): Promise<Connected> {
  const { REDIS_URL = "", DATABASE_URL = "", KAFKA_BROKERS = "", CONSUMERS_PORT, PAYMENT_PROVIDER_URL } = env;
  // A reply of a hundred thousand freed slots takes longer than the second that a claim may.
  const redis = createRedis(REDIS_URL, { name: "verify", silenceMs: 15_000 });
  const database = createDatabase(DATABASE_URL, { max: 1, name: "verify", statementTimeoutMs: 0 });
  const answers = await Promise.all([
    askRedis(redis, REDIS_URL),
    named("PostgreSQL", DATABASE_URL, () => database.ping(PATIENCE_MS)),
    named("Kafka", KAFKA_BROKERS, () => askKafka(kafka)),
  ]);
  const missing = answers.filter((answer) => answer !== null);
  return {
    services:
      missing.length > 0
        ? null
        : {
            redis,
            sql: database.sql,
            kafka,
            consumersUp: () => isUp(CONSUMERS_PORT),
            providerUrl: PAYMENT_PROVIDER_URL,
          },
    missing,
    reached: answers.length,
    async close() {
      redis.disconnect();
      await database.close();
    },
  };
}

async function askRedis(redis: RedisConnection, url: string): Promise<string | null> {
  if (!(await whenReady(redis, PATIENCE_MS))) return away("Redis", url, "no connection");
  return named("Redis", url, () => redis.ping());
}

async function askKafka(kafka: Kafka): Promise<void> {
  const admin = kafka.admin();
  try {
    await admin.brokers(PATIENCE_MS);
  } finally {
    await admin.close();
  }
}

async function named(service: string, address: string, ask: () => Promise<unknown>): Promise<string | null> {
  try {
    await ask();
    return null;
  } catch (error) {
    return away(service, address, error instanceof Error ? error.message : String(error));
  }
}

const away = (service: string, address: string, why: string) =>
  `${awaySentence(service, address, why)}, then verify again`;

async function isUp(port: string | undefined): Promise<boolean> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port ?? 8081}/health/live`, { signal: AbortSignal.timeout(1000) });
    return answer.ok;
  } catch {
    return false; // no process listens there, so no consumer runs
  }
}
