import type { CouponId } from "../contracts/wire/ids.ts";
import type { ResultCode } from "../contracts/wire/result-codes.ts";
import forgetText from "./forget-sale.lua" with { type: "text" };
import { saleKeys } from "./keys.ts";
import { PortableScript } from "./portable-script.ts";
import type { RedisConnection } from "./redis.ts";

/** A sale that may be deleted from Redis, as PostgreSQL has it. */
export interface SaleToForget {
  readonly couponId: CouponId;
  readonly epoch: number;
  /** Rows that are not revoked. */
  readonly winners: number;
  /** A queued sale is kept while its requests wait in the log. */
  readonly mode: "DIRECT" | "QUEUED";
  /** The sale must have ended before this, milliseconds since 1970. */
  readonly endedBefore: number;
}

/** FORGOTTEN, or the reason against it (forget-sale.lua). */
export type Forgetting = Extract<
  ResultCode,
  "FORGOTTEN" | "SALE_RECOVERING" | "STALE_EPOCH" | "NOT_OVER" | "LEDGER_NOT_EMPTY" | "WINNERS_DIFFER" | "REQUESTS_WAIT"
>;

const script = new PortableScript(forgetText);

/**
 * Deletes all keys of a sale that ended long ago, if Redis holds nothing of it that PostgreSQL lacks. For role retention, under the
 * sale's row lock. @throws StampedeError
 */
export async function forgetSale(redis: RedisConnection, sale: SaleToForget): Promise<Forgetting> {
  const keys = saleKeys(sale.couponId);
  const names = [keys.sale, keys.winners, keys.freed, keys.ledger, keys.status, keys.asked];
  const args = [sale.epoch, sale.winners, sale.endedBefore, sale.mode].map(String);
  return (await script.run(redis, names, args)) as Forgetting;
}
