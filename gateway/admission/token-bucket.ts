import { LRUCache } from "lru-cache";

export interface RateLimit {
  /** Whether this user may go on now; a refusal costs the user nothing. */
  allow(userId: string, nowMs: number): boolean;
}

/**
 * A token bucket per user, kept as one number (GCRA: the time at which the bucket is full again), so that a user costs
 * one map entry. Per process: with n gateways a user gets up to n times the rate, which is fine for its purpose, keeping
 * one broken client from taking everybody's turn.
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
