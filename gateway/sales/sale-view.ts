import { sharedLook } from "../../contracts/async/shared-look.ts";
import type { Sale, SaleState } from "../../contracts/claims/http.ts";
import type { CouponId } from "../../contracts/wire/ids.ts";
import type { SaleRow } from "../../db/sales/list.ts";
import { shownTerms } from "../../db/sales/terms.ts";
import type { SaleCount } from "../../lua/sale-reading.ts";

/** A sale as a visitor sees it: the terms from PostgreSQL, the count from Redis. */
export function viewSale(row: SaleRow, live: SaleCount | null, nowMs: number): Sale {
  const { id, name, total, startsAt, endsAt, issueMode, visibility, metadata } = row;
  return {
    id: id as CouponId,
    couponId: id as CouponId,
    name,
    total,
    remaining: remainingOf(row, live),
    state: stateOf(row, live, nowMs),
    startsAt: startsAt.toISOString(),
    endsAt: endsAt.toISOString(),
    issueMode,
    visibility,
    metadata,
    ...shownTerms(row),
  };
}

/** null: Redis is away or has not loaded the sale. A sale that has left Redis shows the count of that moment. */
function remainingOf({ total, leftRedisAt, issued }: SaleRow, live: SaleCount | null): number | null {
  if (live !== null) return live.state === "RECOVERING" ? null : live.left;
  return leftRedisAt === null || issued === null ? null : Math.max(0, total - issued);
}

/** By the operator's intent first, then by the clock, then by Redis; RECOVERING only while claims would be possible. */
function stateOf(row: SaleRow, live: SaleCount | null, nowMs: number): SaleState {
  if (row.state === "CLOSED") return "CLOSED";
  if (nowMs >= row.endsAt.getTime()) return "ENDED";
  if (live === null || live.state === "RECOVERING") return "RECOVERING";
  if (row.state === "PAUSED") return "PAUSED";
  if (nowMs < row.startsAt.getTime()) return "SCHEDULED";
  return live.left === 0 ? "SOLD_OUT" : "OPEN";
}

export interface SaleSources {
  /** The sale's terms. */
  find(couponId: CouponId): Promise<SaleRow | null>;
  /** The sale in Redis; null if it is not there or Redis does not answer (then only the terms are shown). */
  live(couponId: CouponId): Promise<SaleCount | null>;
}

export type ViewSale = (couponId: CouponId) => Promise<Sale | null>;

/** One lookup of a sale. A thousand visitors of the same moment share it. A lookup that began before a change does not answer the
 * request after that change. */
export function createViewSale(sources: SaleSources): ViewSale {
  return sharedLook(async (couponId: CouponId) => {
    const [row, live] = await Promise.all([sources.find(couponId), sources.live(couponId)]);
    return row === null ? null : viewSale(row, live, Date.now());
  });
}
