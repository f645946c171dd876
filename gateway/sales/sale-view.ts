import type { Sale, SaleState } from "../../contracts/claims/http.ts";
import { type CouponId, isCouponId } from "../../contracts/wire/ids.ts";
import type { Currency } from "../../contracts/wire/money.ts";
import type { SaleRow } from "../../db/sales/list.ts";
import type { SaleSnapshot } from "../../lua/sale-reading.ts";
import { json, problem } from "../http/problem.ts";
import { sharedLook } from "../shared-look.ts";
import type { Handler } from "../transports/transport.ts";

/** What a visitor sees of a sale: PostgreSQL's terms, Redis' count. */
export function viewSale(row: SaleRow, live: SaleSnapshot | null, nowMs: number): Sale {
  const {
    id,
    name,
    total,
    startsAt,
    endsAt,
    issueMode,
    discountType,
    discountValue,
    maxDiscount,
    minOrderAmount,
    currency,
    validUntil,
  } = row;
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
    discountType,
    discountValue,
    maxDiscount,
    minOrderAmount,
    currency: currency as Currency,
    validUntil: validUntil?.toISOString() ?? null,
  };
}

/** null: Redis is away or does not hold the sale yet. One that has left it keeps the count of that moment. */
function remainingOf({ total, leftRedisAt, issued }: SaleRow, live: SaleSnapshot | null): number | null {
  if (live !== null) return live.state === "RECOVERING" ? null : live.left;
  return leftRedisAt === null || issued === null ? null : Math.max(0, total - issued);
}

/** The operator's word first, then the clock, then Redis; RECOVERING only while it matters to somebody who asks. */
function stateOf(row: SaleRow, live: SaleSnapshot | null, nowMs: number): SaleState {
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
  /** Newest first; `cursor` is the last page's. */
  list(cursor: string | null, limit: number): Promise<{ rows: readonly SaleRow[]; nextCursor: string | null }>;
  /** The sale in Redis; null when it is not there or Redis does not answer (the terms are still worth showing). */
  live(couponId: CouponId): Promise<SaleSnapshot | null>;
}

export type ViewSale = (couponId: CouponId) => Promise<Sale | null>;

/** One look at one sale. A thousand visitors of the same moment share it; an answer to a change never comes from before it. */
export function createViewSale(sources: SaleSources): ViewSale {
  return sharedLook(async (couponId: CouponId) => {
    const [row, live] = await Promise.all([sources.find(couponId), sources.live(couponId)]);
    return row === null ? null : viewSale(row, live, Date.now());
  });
}

/** GET /coupons/:couponId */
export function saleRoute(view: ViewSale): Handler {
  return async (request) => {
    const couponId = request.params.couponId!;
    const sale = isCouponId(couponId) ? await view(couponId) : null;
    return sale === null ? problem("COUPON_NOT_FOUND") : json(200, sale);
  };
}
