import type { CouponId, RequestId, UserId } from "../contracts/ids.ts";
import { saleKeys } from "./keys.ts";
import type { RedisConnection } from "./redis.ts";
import { rethrow } from "./redis-failure.ts";
import { parseStatus } from "./sale-reading.ts";
import { STATUS_TTL_S } from "./sale-scripts.ts";

/**
 * Notes that a request of a queued sale is logged and waits for its turn, and whose it is. It may have been decided
 * already: what stands there stays. @throws StampedeError REDIS_UNAVAILABLE, OVERLOADED
 */
export async function notePending(
  redis: RedisConnection,
  couponId: CouponId,
  requestId: RequestId,
  userId: UserId,
): Promise<void> {
  const { status } = saleKeys(couponId);
  await Promise.all([redis.hsetnx(status, requestId, `PENDING ${userId}`), redis.expire(status, STATUS_TTL_S)]).catch(
    rethrow,
  );
}

/** Whose undecided request that is, as far as Redis noted it; null: it is none. @throws StampedeError REDIS_UNAVAILABLE */
export async function findPending(
  redis: RedisConnection,
  couponId: CouponId,
  requestId: RequestId,
): Promise<{ readonly userId: UserId; readonly slot: null } | null> {
  const status = parseStatus(await redis.hget(saleKeys(couponId).status, requestId).catch(rethrow));
  return status?.status === "PENDING" ? { userId: status.userId, slot: null } : null;
}
