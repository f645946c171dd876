import { parseArgs } from "node:util";
import pino from "pino";
import { createDatabase } from "../db/client.ts";
import { createBunKafka } from "../kafka/bun/kafka.ts";
import { createRedis, createSubscriber } from "../lua/redis.ts";
import { createSaleLoading } from "../lua/sale-loading.ts";
import { type ConsumersConfig, readConfig } from "./config.ts";
import { failureCode } from "./failure.ts";
import { lookAtHealth, type Probe } from "./health.ts";
import { serveHealth } from "./health-server.bun.ts";
import { createMetrics } from "./metrics.ts";
import type { RunningRole } from "./neighbours.ts";
import { createRenewedProducer } from "./renewed-producer.ts";
import { ROLE_NAMES } from "./role-names.ts";
import { startRole } from "./roles.ts";

const HELP = `Stampede's consumers: they persist claims, tell their owners, and load sales into Redis.

  bun consumers/main.bun.ts [--roles a,b]

  --roles   which of them this process runs, default all:
            ${ROLE_NAMES.join(", ")}
  --help    this text

Addresses come from REDIS_URL, DATABASE_URL and KAFKA_BROKERS.
Example: bun consumers/main.bun.ts --roles coupon-persist,notify
`;

/** @throws Error for a wrong option or variable */
function configuration(): ConsumersConfig | null {
  const { values } = parseArgs({ options: { roles: { type: "string" }, help: { type: "boolean", short: "h" } } });
  return values.help ? null : readConfig(process.env, values.roles);
}

async function main(config: ConsumersConfig): Promise<void> {
  const log = pino({ level: config.LOG_LEVEL, base: { process: "consumers", pid: process.pid } });
  const db = createDatabase(config.DATABASE_URL, { max: config.DATABASE_CONNECTIONS, name: "stampede-consumers" });
  const redisOptions = {
    name: "stampede-consumers",
    log: (level: "info" | "warn", message: string) => log[level]({}, message),
  };
  const redis = createRedis(config.REDIS_URL, redisOptions);
  const subscriber = createSubscriber(config.REDIS_URL, { name: "stampede-consumers" });
  const kafka = createBunKafka({
    brokers: config.KAFKA_BROKERS,
    clientId: "stampede-consumers",
    properties: config.kafkaProperties,
    log: (level, message) => log[level]({}, message),
  });
  const producer = createRenewedProducer(kafka, { messageTimeoutMs: config.MESSAGE_TIMEOUT_MS }, (error) =>
    log.error(failureCode(error), "the producer was replaced"),
  );
  const roles: RunningRole[] = [];
  const metrics = createMetrics(() => new Map(roles.map(({ name, inHand }) => [name, inHand()])));
  const loading = createSaleLoading(redis);
  const neighbours = { config, db, redis, subscriber, kafka, producer, loading, log, metrics };
  for (const name of config.roles) roles.push(startRole(name, neighbours));

  let stopping = false;
  const probes: Record<string, Probe> = {
    redis: () => redis.ping(),
    database: () => db.ping(900),
    kafka: async () => {
      if (!producer.stats().connected) throw new Error("no broker connection");
    },
  };
  const server = serveHealth(
    config.CONSUMERS_HOST,
    config.CONSUMERS_PORT,
    () => lookAtHealth(config.roles, probes, stopping),
    metrics.text,
  );
  log.info({ roles: config.roles, port: server.port, kafka: kafka.version }, "consumers started");

  const stop = async (signal: string) => {
    if (stopping) return;
    stopping = true;
    log.info({ signal }, "stopping");
    await Promise.all(roles.map((role) => role.stop(config.SHUTDOWN_GRACE_MS)));
    await producer.close();
    redis.disconnect();
    subscriber.disconnect();
    await db.close();
    await server.stop();
    log.info({}, "stopped");
    process.exit(0);
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      stop(signal).catch((error) => {
        log.error(failureCode(error), "the shutdown failed");
        process.exit(1);
      });
    });
  }
  // Everything that is done here can be done again: a stray rejection is worth a line in the log, not the process.
  process.on("unhandledRejection", (error) => log.error(failureCode(error), "unhandled rejection"));
}

try {
  const config = configuration();
  if (config === null) process.stdout.write(HELP);
  else await main(config);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exit(2);
}
