import { StampedeError } from "../../../contracts/wire/errors.ts";
import type { CouponId } from "../../../contracts/wire/ids.ts";
import { findAbsentSales } from "../../../db/sales/live.ts";
import type { Rejected } from "../../engine/role.ts";
import type { Settling } from "../persist/settle-claims.ts";
import type { Decisions } from "./decide-sale.ts";

/**
 * Sales that Redis does not have: mostly one that is being rebuilt, whose requests wait. But requests of a sale that does
 * not exist are dead letters, and those of one that ended so long ago that nobody loads it any more are refused. Had one of them been
 * asked in time (this role was away for long, or the sale was paused), and Redis lost the sale before it could leave, it is rebuilt for them.
 * Changes `decisions` in place. @returns the dead letters
 */
export async function judgeMissingSales(
  { sql, raiseFence }: Pick<Settling, "sql" | "raiseFence">,
  keepHours: number,
  decisions: Map<CouponId, Decisions>,
): Promise<readonly Rejected[]> {
  const missing = [...decisions].filter(([, { why }]) => why === "NOT_LOADED");
  if (missing.length === 0) return [];
  const known = await findAbsentSales(
    sql,
    missing.map(([couponId]) => couponId),
    keepHours,
  );
  const rejected: Rejected[] = [];
  for (const [couponId, decided] of missing) {
    const sale = known.get(couponId);
    if (sale?.over === false) continue;
    if (sale?.owed && decided.waiting.some(({ loggedAt }) => loggedAt < sale.endsAt)) {
      await raiseFence(couponId, sale.epoch, "NOT_LOADED");
      continue;
    }
    const none = { ...decided, waiting: [], why: null };
    if (sale === undefined) {
      const error = new StampedeError("COUPON_NOT_FOUND", `PostgreSQL has no sale ${couponId}`);
      rejected.push(...decided.waiting.map(({ record }) => ({ record, error })));
      decisions.set(couponId, none);
    } else {
      const late = decided.waiting.map((request) => ({ request, reason: "ENDED" as const }));
      decisions.set(couponId, { ...none, refused: [...decided.refused, ...late] });
    }
  }
  return rejected;
}
