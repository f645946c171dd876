import type { CouponId } from "../../contracts/ids.ts";
import { listLiveSales } from "../../db/queries/list-live-sales.ts";
import { LEASES, withLeases } from "../../db/queries/with-leases.ts";
import { ledgerLengths, readLedger } from "../../lua/ledger.ts";
import { settleClaims } from "../coupon-persist/settle-claims.ts";
import { complainer, type Neighbours, type RunningRole, settlingFor } from "../neighbours.ts";
import { startTicker } from "../ticker.ts";
import { type RelayDeps, relayRound } from "./relay.ts";

/** Role claim-relay: a round over all ledgers, again and again. */
export function startRelay(neighbours: Neighbours): RunningRole {
  const { config, db, redis, log, metrics } = neighbours;
  const settling = settlingFor("claim-relay", neighbours);
  const deps: RelayDeps = {
    // A sale that is being rebuilt is left to the loader: its ledger is persisted there, and nothing can be removed yet.
    sales: async () =>
      (await listLiveSales(db.sql, config.SALE_KEEP_HOURS))
        .filter(({ load_state }) => load_state === "LOADED")
        .map(({ id }) => id as CouponId),
    lengths: (ids) => ledgerLengths(redis, ids),
    read: (couponId, range) => readLedger(redis, couponId, range),
    lease: (ids, work) => withLeases(db.sql, LEASES.claimRelay, ids, (held) => work(held as readonly CouponId[])),
    settle: (claims) => settleClaims(settling, claims),
    log,
    observe: { relayed: metrics.relayed, waitingEntries: metrics.ledgerEntries },
    ageMs: config.LEDGER_AGE_MS,
    onHold: new Map(),
  };
  const round = (stopping: AbortSignal) => relayRound(deps, stopping);
  const ticker = startTicker(config.RELAY_EVERY_MS, round, complainer(log, "claim-relay"));
  return { name: "claim-relay", inHand: () => 0, stop: () => ticker.stop() };
}
