import type { Registry } from "prom-client";
import { metricMakers } from "../engine/metric-makers.ts";

export interface ClaimMetrics {
  /** Claims by what PostgreSQL made of them. */
  claims(code: string, count: number): void;
  /** Requests of queued sales by what became of them. */
  decided(outcome: string, count: number): void;
  /** Requests of queued sales that are paused or being rebuilt. */
  waitingRequests(requests: number): void;
  /** Claims that the rounds over all ledgers settled. */
  relayed(claims: number): void;
  /** Claims of the Redis pipeline that the tail settled. */
  tailed(claims: number): void;
  ledgerEntries(entries: number): void;
  /** Claims that wait in PostgreSQL until their sale can decide them. */
  deferredClaims(claims: number): void;
  recovered(seconds: number): void;
}

export function createClaimMetrics(registry: Registry): ClaimMetrics {
  const { counter, gauge, histogram } = metricMakers(registry);
  const claims = counter("stampede_persisted_claims_total", "Claims by what PostgreSQL made of them", ["code"]);
  const decided = counter("stampede_decided_requests_total", "Requests of queued sales by outcome", ["outcome"]);
  const relayed = counter("stampede_relayed_claims_total", "Claims settled from the ledger instead of the log");
  const tailed = counter("stampede_redis_pipeline_claims_total", "Claims of the Redis pipeline settled");
  const recoveries = histogram(
    "stampede_sale_recovery_seconds",
    "From noticing that Redis lost a sale until it is open again",
    [0.1, 1, 5, 10, 12, 15, 20, 30, 60, 300],
  );
  const ledger = gauge("stampede_ledger_entries", "Claims in the ledgers of all sales at the relay's last round");
  const deferred = gauge(
    "stampede_deferred_claims",
    "Claims that wait in PostgreSQL until their sale can decide them again",
  );
  const waitingRequests = gauge(
    "stampede_waiting_requests",
    "Requests of queued sales in hand; of sales that are paused or being rebuilt they wait here",
  );
  return {
    claims: (code, count) => claims.inc({ code }, count),
    decided: (outcome, count) => decided.inc({ outcome }, count),
    waitingRequests: (requests) => waitingRequests.set(requests),
    relayed: (count) => relayed.inc(count),
    tailed: (count) => tailed.inc(count),
    ledgerEntries: (entries) => ledger.set(entries),
    deferredClaims: (count) => deferred.set(count),
    recovered: (duration) => recoveries.observe(duration),
  };
}
