import { StampedeError } from "../../../contracts/wire/errors.ts";
import type { CouponId } from "../../../contracts/wire/ids.ts";
import { findAbsentSales } from "../../../db/sales/live.ts";
import type { Rejected } from "../../engine/role.ts";
import type { Settling } from "../persist/settle-claims.ts";
import type { Decisions } from "./decide-sale.ts";

/**
 * Sales that Redis does not have. Mostly the sale is being rebuilt, and its requests wait. Requests of a sale that does not
 * exist become dead letters. Requests of a sale that ended too long ago to be loaded are refused, unless one of them came
 * before the end (this role was down for long, or the sale was paused) and Redis lost the sale: then the sale is rebuilt.
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
