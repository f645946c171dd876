import type { CouponId } from "../contracts/wire/ids.ts";
import { saleKeys } from "./keys.ts";
import { type LedgerEntry, parseLedgerEntry } from "./ledger.ts";
import type { RedisConnection } from "./redis.ts";
import { rethrow } from "./redis-failure.ts";

/** A page of a ledger, read forward. */
export interface LedgerTail {
  /** Claims of the Redis pipeline only. Those of the Kafka pipeline are skipped. */
  readonly entries: readonly LedgerEntry[];
  /** Pass as `after` to read on; null: there was nothing. */
  readonly reached: string | null;
  /** There may be more. */
  readonly full: boolean;
}

/** Reads `count` entries after the ledger id `after` (undefined: from the start). @throws StampedeError REDIS_UNAVAILABLE */
export async function readTail(
  redis: RedisConnection,
  couponId: CouponId,
  after: string | undefined,
  count: number,
): Promise<LedgerTail> {
  const from = after === undefined ? "-" : `(${after}`;
  const found = await redis.xrange(saleKeys(couponId).ledger, from, "+", "COUNT", count).catch(rethrow);
  const entries: LedgerEntry[] = [];
  for (const [id, fields] of found) {
    const entry = parseLedgerEntry(id, fields);
    if (entry?.pipeline === "redis") entries.push(entry);
  }
  return { entries, reached: found.at(-1)?.[0] ?? null, full: found.length === count };
}

/**
 * The newest ledger id of the Redis pipeline; null: none since the sale was loaded. With this field a reader knows that nothing is
 * new without reading a ledger full of Kafka's entries.
 * @throws StampedeError REDIS_UNAVAILABLE
 */
export function newestOfRedisPipeline(redis: RedisConnection, couponId: CouponId): Promise<string | null> {
  return redis.hget(saleKeys(couponId).sale, "lastRedis").catch(rethrow);
}
