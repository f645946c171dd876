import { createFault } from "../contracts/wire/fault-points.ts";
import { LeftOut } from "../contracts/wire/left-out.ts";
import type { Database } from "../db/client.ts";
import type { Kafka, Producer } from "../kafka/kafka.ts";
import { SALE_LOADER_CHANNEL } from "../lua/keys.ts";
import type { RedisConnection } from "../lua/redis.ts";
import { createSaleScripts } from "../lua/sale-scripts.ts";
import { fenceSale } from "./claims/persist/fence.ts";
import type { Settling } from "./claims/persist/settle-claims.ts";
import type { ConsumersConfig } from "./config.ts";
import { failureCode } from "./engine/failure.ts";
import type { Log } from "./engine/log.ts";
import type { ConsumersMetrics } from "./metrics.ts";
import type { RoleName } from "./role-names.ts";
import type { LoaderDeps } from "./sales/loader.ts";

/** What the roles of a process share; composed in process.ts, or by a test. */
export interface Neighbours {
  readonly config: ConsumersConfig;
  readonly db: Database;
  readonly redis: RedisConnection;
  /** For SUBSCRIBE. */
  readonly subscriber: RedisConnection;
  readonly kafka: Kafka;
  readonly producer: Pick<Producer, "sendAll">;
  /** Only role sale-loader may lift a fence, so only it gets the key. */
  readonly loading: LoaderDeps["loading"];
  readonly log: Log;
  readonly metrics: ConsumersMetrics;
  /** A role has met a mistake of ours that it cannot go on after. */
  readonly roleEnded?: (role: string, error: unknown) => void;
}

/** A role at work. */
export interface RunningRole {
  readonly name: RoleName;
  /** Records taken from the log whose effects are not safe yet. */
  readonly inHand: () => number;
  stop(graceMs: number): Promise<void>;
}

/** What settling claims needs; the same for the log's consumer and the ledger's reader. */
export function settlingFor(role: RoleName, neighbours: Neighbours, leftOut = leftOutOf(role, neighbours)): Settling {
  const { config, db, redis, producer, log, metrics } = neighbours;
  return {
    leftOut,
    sql: db.sql,
    scripts: createSaleScripts(redis),
    producer,
    async raiseFence(couponId, epoch, why) {
      if (await fenceSale(db.sql, couponId, epoch, why, (id) => redis.publish(SALE_LOADER_CHANNEL, id))) {
        log.error({ role, couponId, epoch, why }, "Redis contradicts PostgreSQL: the sale is rebuilt");
      }
    },
    fault: createFault(config.NODE_ENV, config.FAULT_POINT),
    count: metrics.claims,
    onError: (message, error) => log.warn({ role, ...failureCode(error) }, message),
  };
}

/** What a role leaves out of its rounds goes into the log and the metrics under the role's name. */
export function leftOutOf(role: RoleName, { log, metrics }: Pick<Neighbours, "log" | "metrics">): LeftOut {
  return new LeftOut({
    complain: (complaint) => log.error({ role, ...complaint }, "left out; the others go on"),
    count: (things) => metrics.leftOut(role, things),
  });
}

/** Complains about the same thing once in so long, although it comes back every round. */
const REMIND_MS = 30_000;

/** For a ticker's failed rounds. */
export function complainer(log: Log, role: RoleName): (error: unknown) => void {
  let last = { code: "", at: 0 };
  return (error) => {
    const { code, message } = failureCode(error);
    if (code === last.code && performance.now() - last.at < REMIND_MS) return;
    last = { code, at: performance.now() };
    log.error({ role, code, error: message }, "the round failed and is tried again");
  };
}
