import { type CouponId, newCouponId, newRequestId, type UserId } from "../../contracts/wire/ids.ts";
import { insertAliases, insertClaims, insertTombstones } from "../../db/claims/insert.ts";
import type { Sql } from "../../db/client.ts";
import { createSale } from "../../db/sales/change.ts";
import { moveLoadState } from "../../db/sales/load.ts";
import { saleKeys } from "../../lua/keys.ts";
import type { RedisConnection } from "../../lua/redis.ts";
import { createSaleLoading } from "../../lua/sale-loading.ts";
import { createSaleScripts } from "../../lua/sale-scripts.ts";

export interface HealthySale {
  readonly couponId: CouponId;
  readonly keys: ReturnType<typeof saleKeys>;
  readonly total: number;
  /** Claims in the order of their slots; the last one but one is pending, the last one was given up. */
  readonly claims: readonly SaleClaim[];
  /** A claim of the first user under a second request. */
  readonly alias: string;
}

export interface SaleClaim {
  readonly couponId: CouponId;
  readonly userId: UserId;
  readonly requestId: ReturnType<typeof newRequestId>;
  readonly slot: number;
  readonly epoch: number;
  readonly ledgerId: string;
}

/**
 * A sale as the product makes it, through its own scripts and statements: `count` claims granted, all but the last two
 * persisted and acknowledged, the last but one still in the ledger, the last one given up and its slot freed. With
 * `soldOut` nothing is pending or given up, and `count` is the total.
 */
export async function createHealthySale(
  redis: RedisConnection,
  sql: Sql,
  { count = 12, total = 20, soldOut = false } = {},
): Promise<HealthySale> {
  const couponId = newCouponId();
  const keys = saleKeys(couponId);
  const startsAt = Date.now() - 60_000;
  const endsAt = startsAt + 3_600_000;
  const terms = { total: soldOut ? count : total, name: "verified", discountType: "FIXED", discountValue: 1 } as const;
  const iso = (ms: number) => new Date(ms).toISOString();
  await createSale(sql, { ...terms, id: couponId, startsAt: iso(startsAt), endsAt: iso(endsAt) }, "test");

  const loading = createSaleLoading(redis);
  await moveLoadState(sql, couponId, 1, "NEW", "LOADING");
  await loading.fence(couponId, 1);
  await loading.load(couponId, { ...terms, startsAt, endsAt, mode: "DIRECT", state: "OPEN" }, 1, []);
  await moveLoadState(sql, couponId, 1, "LOADING", "LOADED");

  const scripts = createSaleScripts(redis);
  const asked = Array.from({ length: count }, (_, i) => ({
    couponId,
    userId: `user-${i + 1}` as UserId,
    requestId: newRequestId(couponId, Date.now()),
  }));
  const answer = await scripts.claim(couponId, asked);
  const claims = asked.map((claim, i) => {
    const result = answer.results[i]!;
    if (result.code !== "ACCEPTED") throw new Error(`claim ${i + 1} of a healthy sale was answered ${result.code}`);
    return { ...claim, slot: result.slot, ledgerId: result.ledgerId, epoch: answer.epoch };
  });

  const persisted = soldOut ? claims : claims.slice(0, -2);
  await insertClaims(
    sql,
    [...persisted].sort((a, b) => (a.requestId < b.requestId ? -1 : 1)),
  );
  await scripts.acknowledge(couponId, persisted);
  if (!soldOut) {
    const givenUp = claims.at(-1)!;
    await insertTombstones(sql, [{ ...givenUp, reason: "REVOKED" }]);
    await scripts.release(couponId, { ...givenUp, reason: "REVOKED" });
  }
  const alias = newRequestId(couponId, Date.now());
  await insertAliases(sql, [{ ...claims[0]!, requestId: alias, originalRequestId: claims[0]!.requestId }]);
  await redis.hset(keys.status, alias, `ISSUED ${claims[0]!.slot}`);
  return { couponId, keys, total: terms.total, claims, alias };
}
