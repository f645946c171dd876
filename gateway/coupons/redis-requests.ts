import type { RedisConnection } from "../../lua/redis.ts";
import { statusOf } from "../../lua/sale-reading.ts";
import type { RequestSources } from "./request-status.ts";

/**
 * A request as Redis knows it. Only a request that is the user's own win counts: a status alone does not say whose it is
 * (a given-up claim has left the winners; PostgreSQL's tombstone knows its user).
 */
export function redisRequests(redis: RedisConnection): RequestSources["inRedis"] {
  return async (couponId, requestId, userId) => {
    const { status, winner, saleState } = await statusOf(redis, couponId, requestId, userId);
    const loaded = saleState !== null && saleState !== "RECOVERING";
    if (winner?.requestId !== requestId) return { loaded, status: null, slot: null, reason: null };
    return { loaded, status: status?.status === "ISSUED" ? "ISSUED" : "ACCEPTED", slot: winner.slot, reason: null };
  };
}
