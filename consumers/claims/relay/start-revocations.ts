import { createFault } from "../../../contracts/wire/fault-points.ts";
import type { Database } from "../../../db/client.ts";
import { LEASES, withLeases } from "../../../db/leases.ts";
import type { Producer } from "../../../kafka/kafka.ts";
import { REVOCATIONS_CHANNEL } from "../../../lua/keys.ts";
import type { RedisConnection } from "../../../lua/redis.ts";
import { winnerOf } from "../../../lua/sale-reading.ts";
import type { SaleScripts } from "../../../lua/sale-scripts.ts";
import type { Log } from "../../engine/log.ts";
import { logFailedRounds, startTicker } from "../../engine/ticker.ts";
import { carryOutRevocations, type RevocationDeps } from "./revocations.ts";

export interface RevocationParts {
  readonly config: {
    readonly NODE_ENV: string;
    readonly FAULT_POINT: string;
    readonly SALE_KEEP_HOURS: number;
    readonly RELAY_EVERY_MS: number;
  };
  readonly db: Pick<Database, "sql" | "leases">;
  readonly redis: RedisConnection;
  /** For SUBSCRIBE. */
  readonly subscriber: RedisConnection;
  readonly producer: Pick<Producer, "sendAll">;
  readonly log: Log;
}

/** Carries out revocations with every round, and at once when a gateway says that there is one. */
export function startRevocations(
  { config, db, redis, subscriber, producer, log }: RevocationParts,
  scripts: Pick<SaleScripts, "release">,
): { stop(): Promise<void> } {
  const deps: RevocationDeps = {
    sql: db.sql,
    scripts,
    winnerOf: (couponId, userId) => winnerOf(redis, couponId, userId),
    producer,
    lease: async (work) => void (await withLeases(db.leases, LEASES.revocations, ["all"], work)),
    keepHours: config.SALE_KEEP_HOURS,
    fault: createFault(config.NODE_ENV, config.FAULT_POINT),
    log,
  };
  // A separate ticker: a ledger of a hundred thousand entries must not keep an operator waiting.
  const round = (stopping: AbortSignal) => carryOutRevocations(deps, stopping);
  const ticker = startTicker(config.RELAY_EVERY_MS, round, logFailedRounds(log, "claim-relay"));
  const wake = (channel: string) => {
    if (channel === REVOCATIONS_CHANNEL) ticker.wake();
  };
  subscriber.on("message", wake);
  subscriber.subscribe(REVOCATIONS_CHANNEL).catch(() => {}); // unheard, the next round finds it
  return {
    stop() {
      subscriber.off("message", wake);
      return ticker.stop();
    },
  };
}
