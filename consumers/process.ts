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
import type { Log } from "./engine/log.ts";
import type { RunningRole } from "./engine/running-role.ts";
import { createMetrics } from "./metrics.ts";
import { ROLE_NAMES } from "./role-names.ts";
import type { RoleParts } from "./role-parts.ts";
import { startRole } from "./roles.ts";
import type { LoaderDeps } from "./sales/loader.ts";

/** What an entry point brings. */
export interface ConsumersParts {
  /** How a user starts it, for --help: `bun consumers/main.bun.ts`. */
  readonly command: string;
  readonly createKafka: CreateKafka;
  /** Only role sale-loader may load a sale's scripts, so only this process is given the means. */
  readonly createSaleLoading: (redis: RedisConnection) => LoaderDeps["loading"];
}

/** The name of this process in Redis, Kafka and PostgreSQL. */
const NAME = "stampede-consumers";
/** How long a start waits for Redis, milliseconds. It connects within a few; after this the roles start without it. */
const REDIS_HEAD_START_MS = 5_000;
/** Added to the times that a stop gives to its parts, milliseconds. */
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
  const connections = await connect(config, createKafka, log);
  const { db, redis, producer, kafka } = connections;
  const roles: RunningRole[] = [];
  /** Set when everything runs: an error before that ends the process without an orderly stop. */
  let stopAll = async () => {};
  let stopped: Promise<void> | undefined;
  const stopOnce = () => (stopped ??= stopAll());
  const end = takeStrayErrors({
    report: (error, what) => log.error(loggable(error), what),
    stop: stopOnce,
    limitMs: config.SHUTDOWN_GRACE_MS + config.MESSAGE_TIMEOUT_MS + SPARE_MS,
  });
  const roleEnded = (role: string, error: unknown) => end(error, `role ${role} cannot go on: the process stops`);
  const metrics = createMetrics(() => new Map(roles.map(({ name, inHand }) => [name, inHand()])));
  const parts: RoleParts = { config, ...connections, loading: createSaleLoading(redis), log, metrics, roleEnded };
  for (const name of config.roles) roles.push(startRole(name, parts));

  let stopping = false;
  const probes: Record<string, DependencyProbe> = {
    redis: () => redis.ping(),
    database: () => db.ping(900),
    kafka: async () => {
      if (!producer.stats().connected) throw new Error("no broker connection");
    },
  };
  const health = () => lookAtHealth(config.roles, probes, stopping);
  const server = await serveHealth(config.CONSUMERS_HOST, config.CONSUMERS_PORT, health, metrics.text);
  log.info({ roles: config.roles, port: server.port, kafka: kafka.version }, "consumers started");

  stopAll = async () => {
    stopping = true;
    await Promise.all(roles.map((role) => role.stop(config.SHUTDOWN_GRACE_MS)));
    await disconnect(connections);
    await server.stop();
    log.info({}, "stopped");
  };
  exitOnSignals(stopOnce, () => stopping, log);
}

type Connections = Pick<RoleParts, "db" | "redis" | "subscriber" | "kafka"> & {
  readonly producer: ReturnType<typeof createRenewedProducer>;
};

/** Connects to PostgreSQL, Redis and Kafka. The roles wait for one that is away. */
async function connect(config: ConsumersConfig, createKafka: CreateKafka, log: Log): Promise<Connections> {
  const db = createDatabase(config.DATABASE_URL, { max: config.DATABASE_CONNECTIONS, name: NAME });
  await requireOwnSessions(db);
  const redis = createRedis(config.REDIS_URL, {
    name: NAME,
    log: (level: "info" | "warn", message: string) => log[level]({}, message),
  });
  const subscriber = createSubscriber(config.REDIS_URL, { name: NAME });
  const kafka = createKafka({
    brokers: config.KAFKA_BROKERS,
    clientId: NAME,
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
  // A role that starts before the connection is there would log at every start that Redis is away.
  await Promise.all([redis, subscriber].map((connection) => whenReady(connection, REDIS_HEAD_START_MS)));
  return { db, redis, subscriber, kafka, producer };
}

async function disconnect({ db, redis, subscriber, producer }: Connections): Promise<void> {
  await producer.close();
  redis.disconnect();
  subscriber.disconnect();
  await db.close();
}

/** Exit code 0 after a clean stop, 1 if the stop failed. A second signal changes nothing. */
function exitOnSignals(stop: () => Promise<void>, isStopping: () => boolean, log: Log): void {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      if (isStopping()) return;
      log.info({ signal }, "stopping");
      stop().then(
        () => process.exit(0),
        (error) => {
          log.error(failureCode(error), "the shutdown failed");
          process.exit(1);
        },
      );
    });
  }
}
