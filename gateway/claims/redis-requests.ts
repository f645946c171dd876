import { requestTime } from "../../contracts/wire/ids.ts";
import type { RedisConnection } from "../../lua/redis.ts";
import { statusOf } from "../../lua/sale-reading.ts";
import { STATUS_TTL_S } from "../../lua/sale-scripts.ts";
import type { RequestSources } from "./request-status.ts";

/** A request may get its id on one machine and the sale its new life on another whose clock is behind. */
const CLOCK_SKEW_MS = 60_000;

/** What waits for longer is looked up in PostgreSQL as well. */
const DECIDED_WITHIN_MS = 5_000;

const UNKNOWN = { hearsay: false, status: null, slot: null, reason: null } as const;

/**
 * A request as Redis knows it. Only what names this user counts: a status alone does not say whose it is (a given-up
 * claim has left the winners; PostgreSQL's tombstone knows its user).
 * Of a queued sale that was rebuilt, Redis may have forgotten requests that the log still holds undecided. A rebuild brings
 * winners back and not what became of their requests, which is gone after a month as well: without a word on a winner's
 * request PostgreSQL is asked, or it would be ACCEPTED for ever.
 */
export function redisRequests(redis: RedisConnection): RequestSources["inRedis"] {
  return async (couponId, requestId, userId) => {
    const { status, winner, asked, saleState, mode, rebuiltAt } = await statusOf(redis, couponId, requestId, userId);
    const queued = mode === "QUEUED";
    const madeAt = requestTime(requestId);
    const isRebuiltSince = madeAt < rebuiltAt + CLOCK_SKEW_MS;
    const mayBeForgotten = queued && isRebuiltSince;
    const loaded = saleState !== null && saleState !== "RECOVERING" && !mayBeForgotten;
    if (winner?.requestId === requestId) {
      const slot = winner.slot;
      if (status?.status === "ISSUED") return { loaded, hearsay: false, status: "ISSUED", slot, reason: null };
      const hearsay = isRebuiltSince || madeAt < Date.now() - STATUS_TTL_S * 1_000;
      // A queued request is PENDING until PostgreSQL holds it: who waits for an outcome must not take a step for it.
      if (queued) return { loaded, hearsay, status: "PENDING", slot: null, reason: null };
      return { loaded, hearsay, status: "ACCEPTED", slot, reason: null };
    }
    // That the log has a request may have been noted in vain; that it was asked was noted before.
    const isAsked = status === null && asked === requestId;
    if (isAsked || (status?.status === "PENDING" && status.userId === userId)) {
      // It may be decided although Redis was not told.
      if (madeAt < Date.now() - DECIDED_WITHIN_MS) return { loaded: false, ...UNKNOWN };
      return { loaded, hearsay: false, status: "PENDING", slot: null, reason: null };
    }
    if (status?.status === "FAILED" && status.userId === userId) {
      return { loaded, hearsay: false, status: "FAILED", slot: null, reason: status.reason };
    }
    return { loaded, ...UNKNOWN };
  };
}
