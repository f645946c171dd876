import { deferredClaimsAfter } from "../../db/claims/deferred.ts";
import type { Database } from "../../db/client.ts";
import type { Kafka, Producer } from "../../kafka/kafka.ts";
import { createRenewedAdmin } from "../../kafka/renewed-admin.ts";
import { SALE_LOADER_CHANNEL } from "../../lua/keys.ts";
import { readLedger } from "../../lua/ledger.ts";
import type { RedisConnection } from "../../lua/redis.ts";
import { createSaleScripts } from "../../lua/sale-scripts.ts";
import type { GrantedClaim } from "../claims/persist/outcome.ts";
import { persistClaims } from "../claims/persist/persist-claims.ts";
import { type LeftOutParts, leftOutOf } from "../engine/left-out-of.ts";
import type { RunningRole } from "../engine/running-role.ts";
import { logFailedRounds, startTicker } from "../engine/ticker.ts";
import { drain } from "./drain-log.ts";
import type { LoaderDeps } from "./loader.ts";
import { Loader } from "./loader.ts";
import { persistLedger } from "./persist-ledger.ts";

export interface SaleLoaderParts extends LeftOutParts {
  readonly config: {
    readonly MESSAGE_TIMEOUT_MS: number;
    readonly SALE_KEEP_HOURS: number;
    readonly LOADER_EVERY_MS: number;
  };
  readonly db: Pick<Database, "sql" | "leases">;
  readonly redis: RedisConnection;
  /** For SUBSCRIBE. */
  readonly subscriber: RedisConnection;
  readonly kafka: Kafka;
  readonly producer: Pick<Producer, "sendAll">;
  /** Loads the scripts of sales. Only this role may do that. */
  readonly loading: LoaderDeps["loading"];
  readonly metrics: LeftOutParts["metrics"] & { recovered(seconds: number): void };
}

/** Role sale-loader: looks at all sales every second, and at once when a message on the channel `sale-loader` asks for it. */
export function startLoader(parts: SaleLoaderParts): RunningRole {
  const { config, db, redis, subscriber, kafka, producer, loading, log, metrics } = parts;
  const admin = createRenewedAdmin(kafka);
  const loader = new Loader({
    sql: db.sql,
    leases: db.leases,
    loading,
    scripts: createSaleScripts(redis),
    persistLedger: (couponId) =>
      persistLedger(
        (id, range) => readLedger(redis, id, range),
        (claims) => persistClaims(db.sql, claims),
        async (id, after, count) => (await deferredClaimsAfter(db.sql, id, after, count)) as readonly GrantedClaim[],
        couponId,
      ),
    drain: (stopping, report) =>
      drain(admin, producer, "coupon-issue-requests", "coupon-persist", log, stopping, report),
    messageTimeoutMs: config.MESSAGE_TIMEOUT_MS,
    keepHours: config.SALE_KEEP_HOURS,
    leftOut: leftOutOf("sale-loader", parts),
    log,
    recovered: metrics.recovered,
  });
  const look = (stopping: AbortSignal) => loader.look(stopping);
  const ticker = startTicker(config.LOADER_EVERY_MS, look, logFailedRounds(log, "sale-loader"));
  const wake = (channel: string) => {
    if (channel === SALE_LOADER_CHANNEL) ticker.wake();
  };
  subscriber.on("message", wake);
  subscriber.subscribe(SALE_LOADER_CHANNEL).catch(() => {}); // without messages, the loader still looks every second
  return {
    name: "sale-loader",
    inHand: () => 0,
    async stop() {
      subscriber.off("message", wake);
      await ticker.stop();
      await loader.settled();
      await admin.close();
    },
  };
}
