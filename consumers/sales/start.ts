import { deferredClaimsAfter } from "../../db/claims/deferred.ts";
import { createRenewedAdmin } from "../../kafka/renewed-admin.ts";
import { SALE_LOADER_CHANNEL } from "../../lua/keys.ts";
import { readLedger } from "../../lua/ledger.ts";
import { createSaleScripts } from "../../lua/sale-scripts.ts";
import type { GrantedClaim } from "../claims/persist/outcome.ts";
import { persistClaims } from "../claims/persist/persist-claims.ts";
import { startTicker } from "../engine/ticker.ts";
import { complainer, leftOutOf, type Neighbours, type RunningRole } from "../neighbours.ts";
import { drain } from "./drain-log.ts";
import { Loader } from "./loader.ts";
import { persistLedger } from "./persist-ledger.ts";

/** Role sale-loader: looks at all sales every second, and at once when a message on the channel `sale-loader` asks for it. */
export function startLoader(neighbours: Neighbours): RunningRole {
  const { config, db, redis, subscriber, kafka, producer, loading, log, metrics } = neighbours;
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
    leftOut: leftOutOf("sale-loader", neighbours),
    log,
    recovered: metrics.recovered,
  });
  const look = (stopping: AbortSignal) => loader.look(stopping);
  const ticker = startTicker(config.LOADER_EVERY_MS, look, complainer(log, "sale-loader"));
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
