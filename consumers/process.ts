import { parseArgs } from "node:util";
import pino from "pino";
import { requireSetClock } from "../contracts/wire/clock.ts";
import { takeStrayErrors } from "../contracts/wire/stray-errors.ts";
import { createDatabase } from "../db/client.ts";
import { loggable } from "../db/loggable-error.ts";
import { requireOwnSessions } from "../db/pooling.ts";
import type { CreateKafka } from "../kafka/kafka.ts";
import { createRenewedProducer } from "../kafka/renewed-producer.ts";
import { createRedis, createSubscriber, type RedisConnection, whenReady } from "../lua/redis.ts";
import { type ConsumersConfig, readConfig } from "./config.ts";
import { failureCode } from "./engine/failure.ts";
import { type DependencyProbe, lookAtHealth } from "./engine/health.ts";
import { serveHealth } from "./engine/health-server.ts";
import type { RunningRole } from "./engine/running-role.ts";
import { createMetrics } from "./metrics.ts";
import { ROLE_NAMES } from "./role-names.ts";
import { startRole } from "./roles.ts";
import type { LoaderDeps } from "./sales/loader.ts";

/** What an entry point brings. */
export interface ConsumersParts {
  /** How a user starts it, for --help: `bun consumers/main.bun.ts`. */
  readonly command: string;
  readonly createKafka: CreateKafka;
  /** Given here and to nobody else: only role sale-loader may load a sale's scripts. */
  readonly createSaleLoading: (redis: RedisConnection) => LoaderDeps["loading"];
}

/** It connects within milliseconds; after this time the process starts without it. */
const REDIS_HEAD_START_MS = 5_000;
/** On top of the times that a stop gives to its parts. */
const SPARE_MS = 10_000;

const help = (
  command: string,
) => `Stampede's consumers: they persist claims, tell their owners, and load sales into Redis.

  ${command} [--roles a,b]

  --roles   which of them this process runs, default all:
            ${ROLE_NAMES.join(", ")}
  --help    this text

Addresses come from REDIS_URL, DATABASE_URL and KAFKA_BROKERS.
Example: ${command} --roles coupon-persist,notify
`;

/** Runs the consumers as this process: reads the options, starts the roles, stops them at SIGTERM. Exit 2: wrong options. */
export async function runConsumers(
  environment: Record<string, string | undefined>,
  parts: ConsumersParts,
): Promise<void> {
  try {
    const { values } = parseArgs({ options: { roles: { type: "string" }, help: { type: "boolean", short: "h" } } });
    if (values.help) process.stdout.write(help(parts.command));
    else {
      requireSetClock();
      await start(readConfig(environment, values.roles), parts);
    }
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
    process.exit(2);
  }
}

async function start(config: ConsumersConfig, { createKafka, createSaleLoading }: ConsumersParts): Promise<void> {
  const log = pino({ level: config.LOG_LEVEL, base: { process: "consumers", pid: process.pid } });
  const db = createDatabase(config.DATABASE_URL, { max: config.DATABASE_CONNECTIONS, name: "stampede-consumers" });
  await requireOwnSessions(db);
  const redisOptions = {
    name: "stampede-consumers",
    log: (level: "info" | "warn", message: string) => log[level]({}, message),
  };
  const redis = createRedis(config.REDIS_URL, redisOptions);
  const subscriber = createSubscriber(config.REDIS_URL, { name: "stampede-consumers" });
  const kafka = createKafka({
    brokers: config.KAFKA_BROKERS,
    clientId: "stampede-consumers",
    properties: config.kafkaProperties,
    log: (level, message) => log[level]({}, message),
  });
  const producer = createRenewedProducer(
    kafka,
    { messageTimeoutMs: config.MESSAGE_TIMEOUT_MS },
    {
      renewed: (why) => log.error({ why }, "the producer was replaced"),
      notRenewed: (error) => log.error(failureCode(error), "the producer could not be replaced yet"),
    },
  );
  // A round before the connection stands would log that Redis is away, at every start. One that is away is waited for by the roles.
  await Promise.all([redis, subscriber].map((connection) => whenReady(connection, REDIS_HEAD_START_MS)));
  const roles: RunningRole[] = [];
  let stopped: Promise<void> | undefined;
  let stopAll = async () => {};
  const stopOnce = () => (stopped ??= stopAll());
  const end = takeStrayErrors({
    report: (error, what) => log.error(loggable(error), what),
    stop: stopOnce,
    limitMs: config.SHUTDOWN_GRACE_MS + config.MESSAGE_TIMEOUT_MS + SPARE_MS,
  });
  const roleEnded = (role: string, error: unknown) => end(error, `role ${role} cannot go on: the process stops`);
  const metrics = createMetrics(() => new Map(roles.map(({ name, inHand }) => [name, inHand()])));
  const loading = createSaleLoading(redis);
  const neighbours = { config, db, redis, subscriber, kafka, producer, loading, log, metrics, roleEnded };
  for (const name of config.roles) roles.push(startRole(name, neighbours));

  let stopping = false;
  const probes: Record<string, DependencyProbe> = {
    redis: () => redis.ping(),
    database: () => db.ping(900),
    kafka: async () => {
      if (!producer.stats().connected) throw new Error("no broker connection");
    },
  };
  const server = await serveHealth(
    config.CONSUMERS_HOST,
    config.CONSUMERS_PORT,
    () => lookAtHealth(config.roles, probes, stopping),
    metrics.text,
  );
  log.info({ roles: config.roles, port: server.port, kafka: kafka.version }, "consumers started");

  stopAll = async () => {
    stopping = true;
    await Promise.all(roles.map((role) => role.stop(config.SHUTDOWN_GRACE_MS)));
    await producer.close();
    redis.disconnect();
    subscriber.disconnect();
    await db.close();
    await server.stop();
    log.info({}, "stopped");
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      if (stopping) return;
      log.info({ signal }, "stopping");
      stopOnce().then(
        () => process.exit(0),
        (error) => {
          log.error(failureCode(error), "the shutdown failed");
          process.exit(1);
        },
      );
    });
  }
}
