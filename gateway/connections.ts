import pino, { type Logger } from "pino";
import { createFault, type Fault } from "../contracts/wire/fault-points.ts";
import { createDatabase, type Database, type Orm, type Sql } from "../db/client.ts";
import { requireOwnSessions } from "../db/pooling.ts";
import type { CreateKafka, Producer } from "../kafka/kafka.ts";
import { createRenewedProducer } from "../kafka/renewed-producer.ts";
import { topicCompression } from "../kafka/topics.ts";
import { createRedis, createSubscriber, type RedisConnection } from "../lua/redis.ts";
import type { GatewayConfig } from "./config.ts";
import { databaseCalls } from "./database-errors.ts";
import { DatabaseOutageLog } from "./database-outage-log.ts";
import { createErrorLog, type LogError } from "./http/error-log.ts";

const POOL_SIZE = 8;

/** What one gateway process holds open, and what every domain is given. */
export interface GatewayConnections {
  readonly log: Logger;
  /** Logs an error; each kind at most once a second. */
  readonly onError: LogError;
  readonly redis: RedisConnection;
  /** For what is only shown: a flood of reads does not queue before claims. */
  readonly displayRedis: RedisConnection;
  /** A connection that may SUBSCRIBE. */
  readonly subscriber: RedisConnection;
  readonly database: Database;
  readonly sql: Sql;
  readonly orm: Orm;
  /** Runs a call of the database layer: its errors become errors for clients. */
  readonly guarded: ReturnType<typeof databaseCalls>;
  readonly producer: Producer;
  readonly kafkaVersion: string;
  readonly fault: Fault;
  /** Flushes the producer, then closes everything. */
  close(): Promise<void>;
}

/** Opens Redis, PostgreSQL and Kafka. @throws Error if PostgreSQL is reached through a pooler that the gateway cannot use */
export async function connect(config: GatewayConfig, createKafka: CreateKafka): Promise<GatewayConnections> {
  const log = pino({ level: config.LOG_LEVEL, base: { process: "gateway", gatewayId: config.gatewayId } });
  const onError = createErrorLog(log);
  const logLine = (level: "debug" | "info" | "warn" | "error", message: string) => log[level](message);
  const redis = createRedis(config.REDIS_URL, { name: config.gatewayId, log: logLine });
  const displayRedis = createRedis(config.REDIS_URL, { name: `${config.gatewayId}-display`, log: logLine });
  const subscriber = createSubscriber(config.REDIS_URL, { name: `${config.gatewayId}-news`, log: logLine });
  const database = createDatabase(config.DATABASE_URL, { max: POOL_SIZE, name: config.gatewayId });
  await requireOwnSessions(database);
  const kafka = createKafka({
    brokers: config.KAFKA_BROKERS,
    clientId: config.gatewayId,
    properties: config.kafkaProperties,
    log: logLine,
  });
  const producer = createRenewedProducer(
    kafka,
    { messageTimeoutMs: config.MESSAGE_TIMEOUT_MS, topicCompression: topicCompression() },
    { renewed: (why) => log.error({ why }, "the producer was replaced"), notRenewed: onError },
  );
  return {
    log,
    onError,
    redis,
    displayRedis,
    subscriber,
    database,
    sql: database.sql,
    orm: database.orm,
    guarded: databaseCalls(onError, new DatabaseOutageLog(log)),
    producer,
    kafkaVersion: kafka.version,
    fault: createFault(config.NODE_ENV, config.FAULT_POINT),
    async close() {
      await producer.close(config.MESSAGE_TIMEOUT_MS).catch(onError);
      subscriber.disconnect();
      displayRedis.disconnect();
      redis.disconnect();
      await database.close();
    },
  };
}
