import { requestTime } from "../../contracts/ids.ts";
import type { RedisConnection } from "../../lua/redis.ts";
import { statusOf } from "../../lua/sale-reading.ts";
import type { RequestSources } from "./request-status.ts";

/** A request may get its id on one machine and the sale its new life on another whose clock is behind. */
const CLOCK_SKEW_MS = 60_000;

/** What waits for longer is looked up in PostgreSQL as well. */
const DECIDED_WITHIN_MS = 5_000;

const UNKNOWN = { status: null, slot: null, reason: null } as const;

/**
 * A request as Redis knows it. Only what names this user counts: a status alone does not say whose it is (a given-up
 * claim has left the winners; PostgreSQL's tombstone knows its user).
 * Of a queued sale that was rebuilt, Redis may have forgotten requests that the log still holds undecided.
 */
export function redisRequests(redis: RedisConnection): RequestSources["inRedis"] {
  return async (couponId, requestId, userId) => {
    const { status, winner, saleState, mode, rebuiltAt } = await statusOf(redis, couponId, requestId, userId);
    const queued = mode === "QUEUED";
    const mayBeForgotten = queued && requestTime(requestId) < rebuiltAt + CLOCK_SKEW_MS;
    const loaded = saleState !== null && saleState !== "RECOVERING" && !mayBeForgotten;
    if (winner?.requestId === requestId) {
      if (status?.status === "ISSUED") return { loaded, status: "ISSUED", slot: winner.slot, reason: null };
      // A queued request is PENDING until PostgreSQL holds it: who waits for an outcome must not take a step for it.
      if (queued) return { loaded, status: "PENDING", slot: null, reason: null };
      return { loaded, status: "ACCEPTED", slot: winner.slot, reason: null };
    }
    if (status?.status === "PENDING" && status.userId === userId) {
      // It may be decided although Redis was not told.
      if (requestTime(requestId) < Date.now() - DECIDED_WITHIN_MS) return { loaded: false, ...UNKNOWN };
      return { loaded, status: "PENDING", slot: null, reason: null };
    }
    if (status?.status === "FAILED" && status.userId === userId) {
      return { loaded, status: "FAILED", slot: null, reason: status.reason };
    }
    return { loaded, ...UNKNOWN };
  };
}
