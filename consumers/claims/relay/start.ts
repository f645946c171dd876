import type { CouponId } from "../../../contracts/wire/ids.ts";
import type { LeftOut } from "../../../contracts/wire/left-out.ts";
import type { Database } from "../../../db/client.ts";
import { LEASES, withLeases } from "../../../db/leases.ts";
import { listLiveSales } from "../../../db/sales/live.ts";
import { LEDGER_CHANNEL } from "../../../lua/keys.ts";
import { ledgerLength, readLedger } from "../../../lua/ledger.ts";
import { LedgerAges } from "../../../lua/ledger-ages.ts";
import { newestOfRedisPipeline, readTail } from "../../../lua/ledger-tail.ts";
import type { RedisConnection } from "../../../lua/redis.ts";
import { leftOutOf } from "../../engine/left-out-of.ts";
import type { RunningRole } from "../../engine/running-role.ts";
import { logFailedRounds, startTicker } from "../../engine/ticker.ts";
import type { ClaimMetrics } from "../metrics.ts";
import type { GrantedClaim } from "../persist/outcome.ts";
import { persistClaims } from "../persist/persist-claims.ts";
import { type Settling, settleClaims } from "../persist/settle-claims.ts";
import { type SettlingParts, settlingFor } from "../persist/settling-for.ts";
import { deferredRound } from "./deferred-claims.ts";
import { createOverdueLedgers } from "./overdue-ledgers.ts";
import { type RelayDeps, relayRound } from "./relay.ts";
import { type RevocationParts, startRevocations } from "./start-revocations.ts";
import { Tail, type TailDeps } from "./tail.ts";

export interface RelayParts extends SettlingParts, RevocationParts {
  readonly config: RevocationParts["config"] & { readonly LEDGER_AGE_MS: number };
  readonly db: Pick<Database, "sql" | "leases">;
  readonly redis: RedisConnection;
  readonly metrics: SettlingParts["metrics"] &
    Pick<ClaimMetrics, "relayed" | "tailed" | "ledgerEntries" | "deferredClaims">;
}

/**
 * Role claim-relay has four loops: a round over all ledgers; the tail, which takes the claims of the Redis pipeline as soon as
 * a gateway announces them; a round over the claims that could not be decided when they came; and the revocations.
 */
export function startRelay(parts: RelayParts): RunningRole {
  const { config, db, subscriber, metrics } = parts;
  const leftOut = leftOutOf("claim-relay", parts);
  const settling = settlingFor("claim-relay", parts, leftOut);
  const shared = sharedDeps(parts, settling, leftOut);
  const every = (round: (stopping: AbortSignal) => Promise<unknown>) =>
    startTicker(config.RELAY_EVERY_MS, round, logFailedRounds(parts.log, "claim-relay"));

  const tail = new Tail({ ...tailDeps(parts, shared), moreToDo: () => tailTicker.wake() });
  const relay: RelayDeps = { ...relayDeps(parts, shared), tailing: (couponId) => tail.isAt(couponId) };
  const { settle } = shared;
  const lease = leaseFor(db, LEASES.deferredClaims);
  const deferred = { sql: db.sql, settle, lease, leftOut, waiting: metrics.deferredClaims };

  const ledgerTicker = every((stopping) => relayRound(relay, stopping));
  const tailTicker = every((stopping) => tail.round(stopping));
  const deferredTicker = every((stopping) => deferredRound(deferred, stopping));
  const revocations = startRevocations(parts, settling.scripts);
  const wake = (channel: string, couponId: string) => {
    if (channel !== LEDGER_CHANNEL) return;
    tail.wake(couponId as CouponId);
    tailTicker.wake();
  };
  subscriber.on("message", wake);
  subscriber.subscribe(LEDGER_CHANNEL).catch(() => {}); // without it, the tail still looks at all ledgers every round
  return {
    name: "claim-relay",
    inHand: () => 0,
    async stop() {
      subscriber.off("message", wake);
      await Promise.all([ledgerTicker.stop(), tailTicker.stop(), deferredTicker.stop(), revocations.stop()]);
    },
  };
}

/** One process at a time works on a sale. */
const leaseFor =
  (db: RelayParts["db"], kind: (typeof LEASES)[keyof typeof LEASES]): RelayDeps["lease"] =>
  (couponIds, work) =>
    withLeases(db.leases, kind, couponIds, (held) => work(held as readonly CouponId[]));

type SharedDeps = Pick<RelayDeps, "sales" | "length" | "settle" | "log" | "leftOut" | "onHold">;

/** What the rounds over all ledgers and the tail have in common. */
function sharedDeps({ config, db, redis, log }: RelayParts, settling: Settling, leftOut: LeftOut): SharedDeps {
  const keepHours = config.SALE_KEEP_HOURS;
  const length = (couponId: CouponId) => ledgerLength(redis, couponId);
  const overdue = createOverdueLedgers({ sql: db.sql, keepHours, length, leftOut });
  return {
    // A sale that is being rebuilt is left to the loader: its ledger is persisted there, and nothing can be removed yet.
    async sales() {
      const live = (await listLiveSales(db.sql, keepHours)).filter(({ loadState }) => loadState === "LOADED");
      return [...new Set([...live.map(({ id }) => id as CouponId), ...(await overdue())])];
    },
    length,
    settle: (claims: readonly GrantedClaim[]) => settleClaims(settling, claims),
    log,
    leftOut,
    onHold: new Map<CouponId, number>(),
  };
}

const tailDeps = ({ config, db, redis, metrics }: RelayParts, shared: SharedDeps): Omit<TailDeps, "moreToDo"> => ({
  ...shared,
  newest: (couponId) => newestOfRedisPipeline(redis, couponId),
  read: (couponId, after, count) => readTail(redis, couponId, after, count),
  lease: leaseFor(db, LEASES.ledgerTail),
  persist: (claims) => persistClaims(db.sql, claims),
  level: "debug",
  relayed: metrics.tailed,
  lookEveryMs: config.RELAY_EVERY_MS,
});

function relayDeps({ config, db, redis, metrics }: RelayParts, shared: SharedDeps): Omit<RelayDeps, "tailing"> {
  const ages = new LedgerAges();
  return {
    ...shared,
    read: (couponId, range) => readLedger(redis, couponId, range, ages),
    lease: leaseFor(db, LEASES.claimRelay),
    level: "info",
    relayed: metrics.relayed,
    waitingEntries: metrics.ledgerEntries,
    ageMs: config.LEDGER_AGE_MS,
    complained: new Map(),
  };
}
