import type { CouponId, UserId } from "../contracts/wire/ids.ts";
import { serverAt } from "./commands.ts";
import { saleKeys } from "./keys.ts";
import type { RedisConnection } from "./redis.ts";
import { rethrow } from "./redis-failure.ts";
import { parseWinner } from "./sale-reading.ts";

/** UNKNOWN: Redis has not loaded the sale, or the server may have lost claims. */
export type WinState = "WON" | "NOT_WON" | "UNKNOWN";

/**
 * Whether a user has won a coupon, for callers that act on NOT_WON: that answer is only given by the server process on which the
 * loader rebuilt the sale. It costs one command more than winnerOf and is for the few cases that PostgreSQL cannot answer.
 * @throws StampedeError REDIS_UNAVAILABLE
 */
export async function holdingOf(redis: RedisConnection, couponId: CouponId, userId: UserId): Promise<WinState> {
  const keys = saleKeys(couponId);
  const [entry, [state, runId], { runId: serving }] = await Promise.all([
    redis.hget(keys.winners, userId),
    redis.hmget(keys.sale, "state", "runId"),
    serverAt(redis, keys.sale),
  ]).catch(rethrow);
  if (state === null || state === "RECOVERING" || runId !== serving) return "UNKNOWN";
  return parseWinner(entry) === null ? "NOT_WON" : "WON";
}
