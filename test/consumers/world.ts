import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { couponDecide, type Deciding } from "../../consumers/claims/decide/role.ts";
import type { GrantedClaim } from "../../consumers/claims/persist/outcome.ts";
import { couponPersist } from "../../consumers/claims/persist/role.ts";
import { type Settling, settleClaims } from "../../consumers/claims/persist/settle-claims.ts";
import { settlingFor } from "../../consumers/claims/persist/settling-for.ts";
import { readConfig } from "../../consumers/config.ts";
import type { Log } from "../../consumers/engine/log.ts";
import type { Role } from "../../consumers/engine/role.ts";
import { type Runner, startRunner } from "../../consumers/engine/runner.ts";
import { createMetrics } from "../../consumers/metrics.ts";
import type { RoleParts } from "../../consumers/role-parts.ts";
import type { Pipeline } from "../../contracts/claims/pipeline.ts";
import type { ConsumerGroup } from "../../contracts/groups.ts";
import { allTopics } from "../../contracts/topics.ts";
import { type CouponId, newCouponId, newRequestId, type RequestId, type UserId } from "../../contracts/wire/ids.ts";
import { createDatabase } from "../../db/client.ts";
import { createSale } from "../../db/sales/change.ts";
import { createBunKafka } from "../../kafka/bun/kafka.ts";
import { type IncomingRecord, KafkaError, type OutgoingRecord } from "../../kafka/kafka.ts";
import { createRedis, createSubscriber, whenReady } from "../../lua/redis.ts";
import { createSaleLoading } from "../../lua/sale-loading.ts";
import { type Broker, createBroker } from "../kafka/broker.ts";
import { freePort } from "../support/free-port.ts";
import { freshDatabase } from "../support/postgres.ts";
import { openRedis, UNHURRIED } from "../support/redis.ts";
import { until } from "../support/until.ts";

// A private broker lives as long as there is a world: bun's test runner ends without an exit event.
let privateBroker: Promise<Broker> | undefined;
let worlds = 0;

/** KAFKA_BROKERS, or a private broker; with all topics. */
async function enterBroker(): Promise<string> {
  worlds++;
  let address = process.env.KAFKA_BROKERS;
  if (!address) {
    privateBroker ??= (async () => {
      const dataDir = mkdtempSync(join(tmpdir(), "stampede-kafka-"));
      const broker = await createBroker({ dataDir, port: freePort() });
      await broker.start();
      return broker;
    })();
    ({ address } = await privateBroker);
  }
  const admin = createBunKafka({ brokers: address, clientId: "test" }).admin();
  const names = [...allTopics().keys()];
  await admin.createTopics(names.map((name) => ({ name, partitions: 2, replicationFactor: 1, config: {} })));
  await admin.close();
  return address;
}

async function leaveBroker(): Promise<void> {
  if (--worlds > 0) return;
  const broker = await privateBroker;
  privateBroker = undefined;
  await broker?.remove();
}

/** For `beforeAll`: a first world may have to start a broker, a Redis and a PostgreSQL. */
export const WORLD_MS = 180_000;

export interface WorldOptions {
  readonly redisUrl?: string;
  readonly databaseUrl?: string;
  readonly environment?: Record<string, string>;
}

export type ConsumerWorld = Awaited<ReturnType<typeof createWorld>>;

/** Real neighbours and what tests of the consumers need around them: a separate database, separate topics and sales. */
export async function createWorld(options: WorldOptions = {}) {
  const ownRedis = options.redisUrl === undefined ? await openRedis() : undefined;
  const ownDatabase = options.databaseUrl === undefined ? await freshDatabase() : undefined;
  const environment = {
    REDIS_URL: options.redisUrl ?? ownRedis!.url,
    DATABASE_URL: options.databaseUrl ?? ownDatabase!.url,
    KAFKA_BROKERS: await enterBroker(),
    RETRY_PAUSE_MS: "100",
    MESSAGE_TIMEOUT_MS: "1000",
    LEDGER_AGE_MS: "300",
    ...options.environment,
  };
  const config = readConfig(environment);
  const lines: { level: string; message: string; fields: Record<string, unknown> }[] = [];
  const say = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, message, fields: fields as Record<string, unknown> });
  const log: Log = { debug: say("debug"), info: say("info"), warn: say("warn"), error: say("error") };
  const db = createDatabase(config.DATABASE_URL, { max: config.DATABASE_CONNECTIONS, name: "test" });
  const redis = createRedis(config.REDIS_URL, UNHURRIED);
  const subscriber = createSubscriber(config.REDIS_URL, UNHURRIED);
  await Promise.all([whenReady(redis, 60_000), whenReady(subscriber, 60_000)]);
  const kafka = createBunKafka({ brokers: config.KAFKA_BROKERS, clientId: "test" });
  // Not the configured second, which a first record on a busy machine may need: no test lets this one run out.
  const producer = kafka.producer({ messageTimeoutMs: 15_000 });
  /** Everything that the roles sent to Kafka, and was acknowledged there. */
  const sent: OutgoingRecord[] = [];
  const recording = {
    async sendAll(records: readonly OutgoingRecord[]) {
      await producer.sendAll(records);
      sent.push(...records);
    },
  };
  const loading = createSaleLoading(redis);
  const metrics = createMetrics(() => new Map());
  const neighbours: RoleParts = { config, db, redis, subscriber, kafka, producer: recording, loading, log, metrics };
  const settling: Settling = settlingFor("coupon-persist", neighbours);
  const admin = kafka.admin();
  const running: Runner[] = [];

  async function newTopic(partitions = 2, config: Record<string, string> = {}): Promise<string> {
    const name = `test-${crypto.randomUUID().slice(0, 13)}`;
    const topics = [name, `${name}.DLT`].map((topic) => ({
      name: topic,
      partitions: topic === name ? partitions : 1,
      replicationFactor: 1,
      config,
    }));
    await admin.createTopics(topics);
    return name;
  }

  async function claimBy(pipeline: Pipeline, couponId: CouponId, ...users: string[]): Promise<GrantedClaim[]> {
    const asked = users.map((userId) => ({
      userId: userId as UserId,
      requestId: newRequestId(couponId, Date.now()),
    }));
    const batch = await settling.scripts.claim(couponId, asked, pipeline);
    return batch.results.map((result, i) => {
      if (result.code !== "ACCEPTED") throw new Error(`${users[i]} got ${result.code}`);
      return { couponId, ...asked[i]!, slot: result.slot, epoch: batch.epoch, ledgerId: result.ledgerId };
    });
  }

  return {
    ...neighbours,
    neighbours,
    settling,
    admin,
    rawProducer: producer,
    sent,
    lines,
    newTopic,
    settle: (claims: readonly GrantedClaim[]) => settleClaims(settling, claims),

    /** In PostgreSQL only. */
    async newSale(total: number, startsInMs = -1_000, issueMode: "DIRECT" | "QUEUED" = "DIRECT"): Promise<CouponId> {
      const id = newCouponId();
      const at = (ms: number) => new Date(Date.now() + ms).toISOString();
      const terms = { id, name: "test", total, issueMode, startsAt: at(startsInMs), endsAt: at(3_600_000) };
      await createSale(db.sql, { ...terms, discountType: "FIXED", discountValue: 100 }, "test");
      return id;
    },

    /** Loads a sale under an epoch as the loader would, with PostgreSQL's winners. */
    async load(couponId: CouponId, epoch = 1): Promise<void> {
      const [sale] = await db.sql`SELECT * FROM coupons WHERE id = ${couponId}`;
      const winners = await db.sql`
        SELECT user_id AS "userId", slot, request_id AS "requestId" FROM user_coupons
        WHERE coupon_id = ${couponId} AND status <> 'REVOKED'`;
      await loading.fence(couponId, epoch);
      const terms = {
        total: sale!.total,
        startsAt: sale!.starts_at.getTime(),
        endsAt: sale!.ends_at.getTime(),
        mode: sale!.issue_mode,
        name: "test",
        state: sale!.state,
      };
      await loading.load(couponId, terms, epoch, winners as never);
      await db.sql`UPDATE coupons SET load_state = 'LOADED', epoch = ${epoch} WHERE id = ${couponId}`;
    },

    /** Claims through Redis. @throws if one is refused */
    claim: (couponId: CouponId, ...users: string[]): Promise<GrantedClaim[]> => claimBy("kafka", couponId, ...users),
    claimBy,

    /** A claim that Redis never granted: what a Redis that forgot or lies would have logged. */
    forged(couponId: CouponId, userId: string, slot: number, epoch = 1): GrantedClaim {
      const requestId: RequestId = newRequestId(couponId, Date.now());
      return { couponId, userId: userId as UserId, requestId, slot, epoch, ledgerId: "1-1" };
    },

    rows: (couponId: CouponId) =>
      db.sql<{ user_id: string; slot: number | null; request_id: string; status: string; reason: string | null }[]>`
        SELECT user_id, slot, request_id, status, reason FROM user_coupons WHERE coupon_id = ${couponId} ORDER BY slot, id`,

    /** Types and data of the events in what was sent. */
    events: (couponId: CouponId) =>
      sent
        .filter(({ topic }) => topic === "coupon-events")
        .map(({ value }) => JSON.parse(value as string))
        .filter(({ data }) => data.couponId === couponId)
        .map(({ type, eventId, data }) => ({ type, eventId, ...data })),

    /** Runs a role on a separate topic and group. */
    run(role: Role, topic: string, groupId = `group-${topic}`): Runner {
      const runner = startRunner(
        { ...role, topics: [topic], groupId },
        {
          kafka,
          producer: recording,
          log,
          retrying: { attempts: 3, pauseMs: config.RETRY_PAUSE_MS },
          observe: { batch() {}, retried() {}, deadLettered() {}, waiting() {} },
        },
      );
      running.push(runner);
      return runner;
    },
    persistRole: () => couponPersist(settling),
    decideRole: (over: Partial<Settling> = {}, observe: Partial<Deciding["observe"]> = {}) =>
      couponDecide({
        settling: { ...settling, ...over },
        keepHours: config.SALE_KEEP_HOURS,
        observe: { decided() {}, waitingRequests() {}, ...observe },
      }),

    /** All records of a topic, once there are `count`. */
    async read(topic: string, count: number, timeoutMs = 60_000): Promise<IncomingRecord[]> {
      const consumer = kafka.consumer({ groupId: crypto.randomUUID(), topics: [topic] });
      const found: IncomingRecord[] = [];
      const deadline = performance.now() + timeoutMs;
      while (found.length < count && performance.now() < deadline) found.push(...(await consumer.poll(1_000, 200)));
      await consumer.close();
      return found;
    },

    /**
     * Commits the ends of the group's topics as its offsets. Before it rebuilds a sale, the loader waits until the claims' log is
     * persisted; what other test files left in it is not read here.
     */
    async skipLog({ groupId, topics }: ConsumerGroup): Promise<void> {
      const consumer = kafka.consumer({ groupId, topics });
      await until("the group has its partitions", async () => {
        await consumer.poll(1, 100);
        return consumer.assignment().length > 0;
      });
      for (const topic of topics) {
        const ends = await admin.endOffsets(topic);
        await consumer.commit(ends.map(({ partition, offset }) => ({ topic, partition, offset })));
      }
      await consumer.close();
    },

    /** Infinite while the group's coordinator cannot say (a broker that has just started). */
    async lag(topic: string, groupId = `group-${topic}`): Promise<number> {
      const lags = await admin.groupLag(groupId, [topic]).catch((error) => {
        if (error instanceof KafkaError && error.retryable) return null;
        throw error;
      });
      if (lags === null) return Number.POSITIVE_INFINITY;
      return lags.reduce((sum, { end, committed }) => sum + (end - Math.max(0, committed)), 0);
    },

    async close(): Promise<void> {
      await Promise.all(running.map((runner) => runner.stop(2_000)));
      await Promise.all([producer.close(1_000), admin.close()]);
      redis.disconnect();
      subscriber.disconnect();
      await db.close();
      await ownDatabase?.drop();
      await ownRedis?.close();
      await leaveBroker();
    },
  };
}
