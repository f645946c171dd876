import type { CouponId, UserId } from "../contracts/wire/ids.ts";
import { serverAt } from "./commands.ts";
import { saleKeys } from "./keys.ts";
import type { RedisConnection } from "./redis.ts";
import { rethrow } from "./redis-failure.ts";
import { parseWinner } from "./sale-reading.ts";

/** UNKNOWN: the sale is not loaded here, or on a server that may have forgotten claims. */
export type WinState = "WON" | "NOT_WON" | "UNKNOWN";

/**
 * Whether a user has won a coupon, for somebody who acts on a No: it counts only from the very server process that the
 * loader rebuilt the sale on. One round trip more than winnerOf, and meant for the few cases that PostgreSQL can't answer.
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
