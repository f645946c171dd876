import { Cluster, Redis } from "ioredis";
import postgres from "postgres";
import type { Sale } from "../../contracts/claims/http.ts";
import { allTopics } from "../../contracts/topics.ts";
import { createBunKafka } from "../../kafka/bun/kafka.ts";
import { createRenewedAdmin } from "../../kafka/renewed-admin.ts";
import { clusterNodes, type RedisConnection } from "../../lua/redis.ts";
import { listenersOn } from "../../stack/ports.ts";
import { isReady } from "../../stack/ready.ts";
import type { BaseService } from "../../stack/service-names.ts";
import type { Stack } from "../../stack/stack.ts";
import { declareTopicsOnceElected } from "../../stack/topics.ts";
import type { Check } from "../../verify/check.ts";
import { createSale, type SaleOptions, type TokenMaker, tokenMaker } from "./client.ts";
import { freePort } from "./free-port.ts";
import { startPaymentProvider, type TestPaymentProvider, WEBHOOK_SECRET } from "./payment-provider.ts";
import { startConsumers, startGateway, type TestProcess } from "./processes.ts";
import { databaseUrlFor, freshDatabase, testStack } from "./stack.ts";
import { until } from "./until.ts";
import { verify } from "./verify.ts";

/** Shorter waits than in production, so that a test sees the same things happen sooner. */
const QUICK: Readonly<Record<string, string>> = {
  MESSAGE_TIMEOUT_MS: "2000",
  RETRY_PAUSE_MS: "500",
  LEDGER_AGE_MS: "1500",
  RELAY_EVERY_MS: "200",
  LOADER_EVERY_MS: "250",
  ORDER_SWEEP_MS: "1500",
  SWEEPER_EVERY_MS: "200",
  PAYMENT_TIMEOUT_MS: "500",
  PAYMENT_RETRY_MS: "200",
  PAYMENT_BREAKER_MS: "200",
};

export interface SystemOptions {
  /** Whose Redis and Kafka it uses. Default the tests' own stack, whose PostgreSQL it always uses. */
  readonly stack?: Stack;
  /** How many gateways. Default 1. */
  readonly gateways?: number;
  readonly gatewayEnv?: Record<string, string>;
  /** Default true: one process with all roles. */
  readonly consumers?: boolean;
  readonly consumersEnv?: Record<string, string>;
  /** Default: the tests' stack's. */
  readonly redisUrl?: string;
  /** Starts a payment provider with these settings; its webhooks go to the first gateway. */
  readonly payments?: Readonly<Record<string, string>>;
}

/** Stampede as it runs in production: gateways and consumers as processes, on the tests' Redis, Kafka and PostgreSQL. */
export interface System {
  readonly stack: Stack;
  /** Of the system's own, new database. */
  readonly sql: postgres.Sql;
  readonly databaseUrl: string;
  readonly redis: RedisConnection;
  readonly token: TokenMaker;
  /** An operator's token. */
  readonly operator: string;
  readonly gateways: TestProcess[];
  readonly consumers: TestProcess[];
  /** The first gateway's. */
  readonly url: string;
  /** @throws Error without `payments` */
  readonly provider: TestPaymentProvider;
  /** On `port`, or on any. */
  addGateway(env?: Record<string, string>, port?: number): Promise<TestProcess>;
  addConsumers(roles?: readonly string[], env?: Record<string, string>): Promise<TestProcess>;
  createSale(wish: SaleOptions): Promise<Sale>;
  /** Resolves when nothing is on its way any more: the sale's ledger is empty, and no consumer group is behind. */
  settled(couponId: string, timeoutMs?: number): Promise<void>;
  /** kill -9, and waits until it is gone. */
  crash(service: BaseService): Promise<void>;
  /** What `./dev verify` finds wrong with everything there is; and dead letters that wait, which in a test are a mistake. */
  violations(): Promise<readonly Check[]>;
  /** Stops all processes; the services stay. */
  close(): Promise<void>;
}

/**
 * No other run's claims and orders in the log: their sales and products are in another database, so each of them would
 * become a dead letter or a refusal. Topics without records stay.
 */
async function emptyLog(stack: Stack): Promise<void> {
  const admin = createBunKafka({ brokers: stack.env.KAFKA_BROKERS, clientId: "test" }).admin();
  try {
    const declared = await admin.describeTopics([...allTopics().keys()]);
    const ends = await Promise.all(declared.map(({ name }) => admin.endOffsets(name)));
    const names = declared.map(({ name }) => name).filter((_, i) => ends[i]!.some(({ offset }) => offset > 0));
    const thereAre = async (count: number) => (await admin.describeTopics(names)).length === count;
    if (names.length > 0) await admin.deleteTopics(names);
    // What the broker has acknowledged becomes true a moment later, both ways.
    await until("the topics are deleted", () => thereAre(0));
    await declareTopicsOnceElected(stack.context);
    await until("the topics are declared anew", () => thereAre(names.length));
  } finally {
    await admin.close();
  }
}

function connectTo(url: string): RedisConnection {
  const cluster = clusterNodes(url);
  const patient = { maxRetriesPerRequest: null };
  if (cluster === null) return new Redis(url, patient);
  const { nodes, username, password } = cluster;
  return new Cluster(nodes, {
    redisOptions: { ...patient, ...(username && { username }), ...(password && { password }) },
  });
}

async function emptied(redis: RedisConnection): Promise<void> {
  if (!(redis instanceof Cluster)) return void (await redis.flushall());
  await redis.ping(); // then it knows its nodes
  await Promise.all(redis.nodes("master").map((node) => node.flushall()));
}

export async function startSystem(name: string, options: SystemOptions = {}): Promise<System> {
  const stack = options.stack ?? (await testStack());
  if (options.stack === undefined) await emptyLog(stack); // a separate stack holds no other run's records
  const databaseUrl = await freshDatabase(name);
  const sql = postgres(databaseUrl, { max: 3, onnotice: () => {}, backoff: () => 0.1, fetch_types: false });
  const redisUrl = options.redisUrl ?? stack.env.REDIS_URL;
  const redis = connectTo(redisUrl);
  redis.on("error", () => {}); // away on purpose
  await emptied(redis); // inboxes of users of the same name
  // Keys and secrets of this stack: a cluster beside the tests' stack has others.
  const { KAFKA_BROKERS, JWT_SECRET, RECEIPT_KEYS_FILE } = stack.env;
  const firstPort = freePort();
  const provider = options.payments && (await startPaymentProvider(firstPort, options.payments));
  const common = {
    ...QUICK,
    REDIS_URL: redisUrl,
    KAFKA_BROKERS,
    JWT_SECRET,
    RECEIPT_KEYS_FILE,
    DATABASE_URL: databaseUrl,
    ...(provider && { PAYMENT_PROVIDER_URL: provider.url, PAYMENT_WEBHOOK_SECRET: WEBHOOK_SECRET }),
  };
  const gateways: TestProcess[] = [];
  const consumers: TestProcess[] = [];
  const token = tokenMaker(stack.env);
  const operator = token("operator-1", { role: "operator" });

  const addGateway: System["addGateway"] = async (env = {}, port = freePort()) => {
    const gateway = await startGateway(
      { ...common, DATABASE_URL: await databaseUrlFor("gateway", databaseUrl), ...options.gatewayEnv, ...env },
      port,
    );
    gateways.push(gateway);
    return gateway;
  };
  const addConsumers: System["addConsumers"] = async (roles = [], env = {}) => {
    const process = await startConsumers(roles, {
      ...common,
      DATABASE_URL: await databaseUrlFor("consumers", databaseUrl),
      ...options.consumersEnv,
      ...env,
    });
    consumers.push(process);
    return process;
  };
  const admin = createRenewedAdmin(createBunKafka({ brokers: stack.env.KAFKA_BROKERS, clientId: "test" }));
  const behind = async (): Promise<number> => {
    const lags = await Promise.all([
      admin.groupLag("coupon-decide", ["coupon-requests"]),
      admin.groupLag("coupon-persist", ["coupon-issue-requests"]),
      admin.groupLag("notify", ["coupon-events"]),
    ]);
    return lags.flat().reduce((sum, { lag }) => sum + lag, 0);
  };
  const isAway = async (service: BaseService) => !(await isReady(service, stack.context));
  const wanted = Array.from({ length: options.gateways ?? 1 }, (_, i) =>
    addGateway({}, i === 0 ? firstPort : freePort()),
  );
  await Promise.all([...wanted, ...(options.consumers === false ? [] : [addConsumers()])]);

  return {
    stack,
    sql,
    databaseUrl,
    redis,
    token,
    operator,
    gateways,
    consumers,
    get url() {
      return gateways[0]!.url;
    },
    get provider() {
      if (provider === undefined) throw new Error("this system has no payment provider: start it with `payments`");
      return provider;
    },
    addGateway,
    addConsumers,
    createSale: (wish) => createSale(gateways[0]!.url, operator, wish),
    async settled(couponId, timeoutMs = 60_000) {
      const ledger = `{c:${couponId}}:ledger`;
      await until(`the ledger of ${couponId} is empty`, async () => (await redis.xlen(ledger)) === 0, timeoutMs);
      await until("the log is consumed", async () => (await behind()) === 0, timeoutMs);
    },
    async crash(service) {
      await stack.kill(service, "SIGKILL");
      // Of a container the process is not ours to see.
      const isNative = (await stack.sourceOf(service)) === "native";
      // A process may be gone while a thread of it still holds its port.
      const isFree = () => stack.pids(service).length === 0 && listenersOn(stack.context.ports[service]) === 0;
      const isGone = isNative ? isFree : isAway;
      await until(`${service} is gone`, () => isGone(service));
    },
    async violations() {
      const own = { REDIS_URL: redisUrl, DATABASE_URL: databaseUrl, PAYMENT_PROVIDER_URL: provider?.url };
      const { checks } = await verify({ ...stack.env, ...own }, { consumersUp: true });
      return checks.filter(({ name, ok, examined }) => !ok || (name === "dead-letters-move" && examined > 0));
    },
    async close() {
      await Promise.all([...gateways, ...consumers].map((process) => process.stop()));
      await provider?.remove();
      redis.disconnect();
      await admin.close();
      await sql.end({ timeout: 2 });
    },
  };
}
