import type { CouponId } from "../../../contracts/wire/ids.ts";
import { LEASES, withLeases } from "../../../db/leases.ts";
import { listLiveSales } from "../../../db/sales/live.ts";
import { LEDGER_CHANNEL } from "../../../lua/keys.ts";
import { ledgerLength, readLedger } from "../../../lua/ledger.ts";
import { LedgerAges } from "../../../lua/ledger-ages.ts";
import { newestOfRedisPipeline, readTail } from "../../../lua/ledger-tail.ts";
import { startTicker } from "../../engine/ticker.ts";
import { complainer, leftOutOf, type Neighbours, type RunningRole, settlingFor } from "../../neighbours.ts";
import type { GrantedClaim } from "../persist/outcome.ts";
import { persistClaims } from "../persist/persist-claims.ts";
import { settleClaims } from "../persist/settle-claims.ts";
import { type DeferredDeps, deferredRound } from "./deferred-claims.ts";
import { createOverdueLedgers } from "./overdue-ledgers.ts";
import { type RelayDeps, relayRound } from "./relay.ts";
import { startRevocations } from "./start-revocations.ts";
import { Tail } from "./tail.ts";

/**
 * Role claim-relay: a round over all ledgers, again and again, and beside it the tail, which takes the claims of the Redis
 * pipeline as soon as a gateway says that there are some, claims that could not be decided when they came, and what operators have
 * revoked.
 */
export function startRelay(neighbours: Neighbours): RunningRole {
  const { config, db, redis, subscriber, log, metrics } = neighbours;
  const leftOut = leftOutOf("claim-relay", neighbours);
  const settling = settlingFor("claim-relay", neighbours, leftOut);
  const keepHours = config.SALE_KEEP_HOURS;
  const length = (couponId: CouponId) => ledgerLength(redis, couponId);
  const overdue = createOverdueLedgers({ sql: db.sql, keepHours, length, leftOut });
  const shared = {
    // A sale that is being rebuilt is left to the loader: its ledger is persisted there, and nothing can be removed yet.
    sales: async () => {
      const live = (await listLiveSales(db.sql, keepHours)).filter(({ loadState }) => loadState === "LOADED");
      return [...new Set([...live.map(({ id }) => id as CouponId), ...(await overdue())])];
    },
    settle: (claims: readonly GrantedClaim[]) => settleClaims(settling, claims),
    log,
    leftOut,
    onHold: new Map<CouponId, number>(),
  };
  const tail = new Tail({
    ...shared,
    newest: (couponId) => newestOfRedisPipeline(redis, couponId),
    read: (couponId, after, count) => readTail(redis, couponId, after, count),
    lease: (ids, work) => withLeases(db.leases, LEASES.ledgerTail, ids, (held) => work(held as readonly CouponId[])),
    persist: (claims) => persistClaims(db.sql, claims),
    level: "debug",
    relayed: metrics.tailed,
    lookEveryMs: config.RELAY_EVERY_MS,
    moreToDo: () => tailTicker.wake(),
  });
  const ages = new LedgerAges();
  const deps: RelayDeps = {
    ...shared,
    length,
    read: (couponId, range) => readLedger(redis, couponId, range, ages),
    lease: (ids, work) => withLeases(db.leases, LEASES.claimRelay, ids, (held) => work(held as readonly CouponId[])),
    level: "info",
    relayed: metrics.relayed,
    waitingEntries: metrics.ledgerEntries,
    ageMs: config.LEDGER_AGE_MS,
    complained: new Map(),
    tailing: (couponId) => tail.isAt(couponId),
  };
  const round = (stopping: AbortSignal) => relayRound(deps, stopping);
  const ticker = startTicker(config.RELAY_EVERY_MS, round, complainer(log, "claim-relay"));
  const tailRound = (stopping: AbortSignal) => tail.round(stopping);
  const tailTicker = startTicker(config.RELAY_EVERY_MS, tailRound, complainer(log, "claim-relay"));
  const deferred: DeferredDeps = {
    sql: db.sql,
    settle: shared.settle,
    lease: (ids, work) =>
      withLeases(db.leases, LEASES.deferredClaims, ids, (held) => work(held as readonly CouponId[])),
    leftOut,
    waiting: metrics.deferredClaims,
  };
  const deferredTicker = startTicker(
    config.RELAY_EVERY_MS,
    (stopping) => deferredRound(deferred, stopping),
    complainer(log, "claim-relay"),
  );
  const wake = (channel: string, couponId: string) => {
    if (channel !== LEDGER_CHANNEL) return;
    tail.wake(couponId as CouponId);
    tailTicker.wake();
  };
  subscriber.on("message", wake);
  subscriber.subscribe(LEDGER_CHANNEL).catch(() => {}); // unheard, the tail still looks with every round
  const revocations = startRevocations(neighbours, settling.scripts);
  return {
    name: "claim-relay",
    inHand: () => 0,
    async stop() {
      subscriber.off("message", wake);
      await Promise.all([ticker.stop(), tailTicker.stop(), deferredTicker.stop(), revocations.stop()]);
    },
  };
}
