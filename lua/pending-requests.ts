import type { CouponId, RequestId, UserId } from "../contracts/ids.ts";
import { saleKeys } from "./keys.ts";
import type { RedisConnection } from "./redis.ts";
import { rethrow } from "./redis-failure.ts";
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
