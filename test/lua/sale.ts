import { type CouponId, newCouponId, newRequestId, type UserId } from "../../contracts/wire/ids.ts";
import type { ClaimRequest } from "../../lua/claim-batch.ts";
import { createRedis, type RedisConnection, type RedisConnectionOptions, whenReady } from "../../lua/redis.ts";
import { createSaleLoading, type SaleTerms } from "../../lua/sale-loading.ts";
import type { LoadedWinner } from "../../lua/sale-shadow.ts";
import { UNHURRIED } from "../support/redis.ts";

export const HOUR = 3_600_000;

/** A connection that is up. `options` in place of a test's patience: {} is the product's. */
export async function connected(url: string, options: RedisConnectionOptions = UNHURRIED): Promise<RedisConnection> {
  const redis = createRedis(url, { name: "test", ...options });
  if (!(await whenReady(redis, 10_000))) throw new Error("Redis is not there");
  return redis;
}

export function terms(change: Partial<SaleTerms> = {}): SaleTerms {
  const now = Date.now();
  return {
    total: 3,
    startsAt: now - HOUR,
    endsAt: now + HOUR,
    mode: "DIRECT",
    name: "A sale",
    state: "OPEN",
    ...change,
  };
}

/** A new sale, fenced and loaded. */
export async function loadedSale(
  redis: RedisConnection,
  change: Partial<SaleTerms> = {},
  winners: readonly LoadedWinner[] = [],
): Promise<CouponId> {
  const couponId = newCouponId();
  await loadSale(redis, couponId, 1, change, winners);
  return couponId;
}

export async function loadSale(
  redis: RedisConnection,
  couponId: CouponId,
  epoch: number,
  change: Partial<SaleTerms> = {},
  winners: readonly LoadedWinner[] = [],
): Promise<void> {
  const loading = createSaleLoading(redis);
  await loading.fence(couponId, epoch);
  const code = await loading.load(couponId, terms(change), epoch, winners);
  if (code !== "LOADED") throw new Error(`load: ${code}`);
}

export const user = (name: string): UserId => name as UserId;

export function claimOf(couponId: CouponId, name: string): ClaimRequest {
  return { userId: user(name), requestId: newRequestId(couponId, Date.now()) };
}

export function claimsOf(couponId: CouponId, ...names: string[]): ClaimRequest[] {
  return names.map((name) => claimOf(couponId, name));
}

export function winner(couponId: CouponId, name: string, slot: number): LoadedWinner {
  return { ...claimOf(couponId, name), slot };
}
