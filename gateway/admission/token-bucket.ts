import { LRUCache } from "lru-cache";

export interface RateLimit {
  /** Whether this user's request may continue; a refused request takes no token. */
  allow(userId: string, nowMs: number): boolean;
}

/**
 * A token bucket per user, kept as one number (GCRA: the time at which the bucket is full again), so that a user costs
 * one map entry. Per process: with n gateways a user gets up to n times the rate. That is enough for its purpose: one broken
 * client must not use up the capacity.
 */
export function createRateLimit(perSecond: number, burst: number, maxUsers = 100_000): RateLimit {
  const interval = 1000 / perSecond;
  const window = interval * burst;
  const fullAt = new LRUCache<string, number>({ max: maxUsers });
  return {
    allow(userId, nowMs) {
      const next = Math.max(fullAt.get(userId) ?? 0, nowMs) + interval;
      if (next - nowMs > window) return false;
      fullAt.set(userId, next);
      return true;
    },
  };
}
