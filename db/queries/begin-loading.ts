import type { Sql } from "../client.ts";
import { lockSale } from "./lock-sale.ts";
import { moveLoadState } from "./move-load-state.ts";

/**
 * From RECOVERING (or NEW) to LOADING under the sale's exclusive lock: when it returns true, every batch that held the
 * sale has committed and no later one inserts a row of it, so the winners read from now on are final.
 */
export function beginLoading(sql: Sql, couponId: string, epoch: number, from: "NEW" | "RECOVERING"): Promise<boolean> {
  return sql.begin(async (tx) => {
    const sale = await lockSale(tx, couponId);
    return sale !== null && (await moveLoadState(tx, couponId, epoch, from, "LOADING"));
  });
}
