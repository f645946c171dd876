import type { Sql } from "../client.ts";
import type { LiveSale } from "./list-live-sales.ts";
import { lockSale } from "./lock-sale.ts";
import { moveLoadState } from "./move-load-state.ts";

/**
 * From RECOVERING (or NEW) to LOADING under the sale's exclusive lock: when it returns the sale, every batch that held it
 * has committed and no later one inserts a row of it, so the winners read from now on are final. Reading them after the
 * commit, not inside, keeps the lock short: batches carry many sales, and would all wait for this one's load.
 * @returns the terms to load, as they were under the lock; null when the sale is not in that state and epoch (any more)
 */
export function beginLoading(
  sql: Sql,
  couponId: string,
  epoch: number,
  from: "NEW" | "RECOVERING",
): Promise<LiveSale | null> {
  return sql.begin(async (tx) => {
    const sale = await lockSale(tx, couponId);
    if (sale === null || !(await moveLoadState(tx, couponId, epoch, from, "LOADING"))) return null;
    // Had it left Redis (role retention), it is on its way back.
    await tx`
      UPDATE coupons SET left_redis_at = NULL, issued = NULL WHERE id = ${couponId} AND left_redis_at IS NOT NULL`;
    const [terms] = await tx<LiveSale[]>`
      SELECT id, name, total, epoch, state, load_state, issue_mode, starts_at, ends_at FROM coupons
      WHERE id = ${couponId}`;
    return terms ?? null;
  });
}
