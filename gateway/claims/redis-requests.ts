import { requestTime } from "../../contracts/wire/ids.ts";
import type { RedisConnection } from "../../lua/redis.ts";
import { statusOf } from "../../lua/sale-reading.ts";
import { STATUS_TTL_S } from "../../lua/sale-scripts.ts";
import type { RequestSources } from "./request-status.ts";

/** Tolerance between clocks: one machine makes the request id, and another, whose clock may be behind, the time of the rebuild. */
const CLOCK_SKEW_MS = 60_000;

/** Whether Redis may lack notes about a request because its sale was rebuilt. Both in milliseconds since 1970. */
export const isRebuiltSince = (madeAt: number, rebuiltAt: number): boolean => madeAt < rebuiltAt + CLOCK_SKEW_MS;

/** A request that waits for longer is looked up in PostgreSQL as well. */
const DECIDED_WITHIN_MS = 5_000;

const UNKNOWN = { hearsay: false, status: null, slot: null, reason: null } as const;

/**
 * A request as Redis knows it. Only data that names this user counts: a status alone does not say whose it is (a claim that
 * was given up has left the winners; PostgreSQL's tombstone knows its user).
 * After a rebuild of a queued sale Redis may lack requests that are still undecided in the log. A rebuild restores winners, but
 * not the status of their requests, and a status expires after a month. If a winner's request has no status, PostgreSQL is
 * asked; otherwise the request would be ACCEPTED for ever.
 */
export function redisRequests(redis: RedisConnection): RequestSources["inRedis"] {
  return async (couponId, requestId, userId) => {
    const { status, winner, asked, saleState, mode, rebuiltAt } = await statusOf(redis, couponId, requestId, userId);
    const queued = mode === "QUEUED";
    const madeAt = requestTime(requestId);
    const rebuilt = isRebuiltSince(madeAt, rebuiltAt);
    const mayBeForgotten = queued && rebuilt;
    const loaded = saleState !== null && saleState !== "RECOVERING" && !mayBeForgotten;
    if (winner?.requestId === requestId) {
      const slot = winner.slot;
      if (status?.status === "ISSUED") return { loaded, hearsay: false, status: "ISSUED", slot, reason: null };
      const hearsay = rebuilt || madeAt < Date.now() - STATUS_TTL_S * 1_000;
      // A queued request is PENDING until PostgreSQL holds it, so that a polling client does not take ACCEPTED for the outcome.
      if (queued) return { loaded, hearsay, status: "PENDING", slot: null, reason: null };
      return { loaded, hearsay, status: "ACCEPTED", slot, reason: null };
    }
    // The note about the acknowledgement may be missing; the note about the request was written earlier.
    const isAsked = status === null && asked === requestId;
    if (isAsked || (status?.status === "PENDING" && status.userId === userId)) {
      // It may be decided although Redis does not know it.
      if (madeAt < Date.now() - DECIDED_WITHIN_MS) return { loaded: false, ...UNKNOWN };
      return { loaded, hearsay: false, status: "PENDING", slot: null, reason: null };
    }
    if (status?.status === "FAILED" && status.userId === userId) {
      return { loaded, hearsay: false, status: "FAILED", slot: null, reason: status.reason };
    }
    return { loaded, ...UNKNOWN };
  };
}
