import type { CouponId } from "../../../contracts/wire/ids.ts";
import type { Sql } from "../../../db/client.ts";
import { raiseFence } from "../../../db/sales/recover.ts";

/**
 * Marks a sale for a rebuild and wakes its loader. The old epoch goes on selling until the loader has fenced Redis, some
 * milliseconds later; whatever is granted meanwhile carries that epoch and is decided again, or persisted by the drain.
 */
export async function fenceSale(
  sql: Sql,
  couponId: CouponId,
  epoch: number,
  why: string,
  wakeLoader: (couponId: CouponId) => Promise<unknown>,
): Promise<boolean> {
  const raised = await raiseFence(sql, couponId, epoch, why);
  // Not being heard costs a second: the loader looks by itself.
  if (raised) await wakeLoader(couponId).catch(() => {});
  return raised;
}
