import { createFault } from "../../../contracts/wire/fault-points.ts";
import type { LeftOut } from "../../../contracts/wire/left-out.ts";
import type { Database } from "../../../db/client.ts";
import type { Producer } from "../../../kafka/kafka.ts";
import { SALE_LOADER_CHANNEL } from "../../../lua/keys.ts";
import type { RedisConnection } from "../../../lua/redis.ts";
import { createSaleScripts } from "../../../lua/sale-scripts.ts";
import { failureCode } from "../../engine/failure.ts";
import { type LeftOutParts, leftOutOf } from "../../engine/left-out-of.ts";
import type { RoleName } from "../../role-names.ts";
import { fenceSale } from "./fence.ts";
import type { Settling } from "./settle-claims.ts";

export interface SettlingParts extends LeftOutParts {
  readonly config: { readonly NODE_ENV: string; readonly FAULT_POINT: string };
  readonly db: Pick<Database, "sql">;
  readonly redis: RedisConnection;
  readonly producer: Pick<Producer, "sendAll">;
  readonly metrics: LeftOutParts["metrics"] & { readonly claims: Settling["count"] };
}

/** What settling claims needs; the same for the log's consumers and for the reader of the ledgers. */
export function settlingFor(role: RoleName, parts: SettlingParts, leftOut: LeftOut = leftOutOf(role, parts)): Settling {
  const { config, db, redis, producer, log, metrics } = parts;
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
