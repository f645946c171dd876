import { ResizeSale, Sale } from "../../contracts/claims/http.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import { type CouponId, isCouponId } from "../../contracts/wire/ids.ts";
import type { ResizeOutcome } from "../../db/sales/change.ts";
import { type Endpoint, endpoint } from "../http/endpoint.ts";
import { json } from "../http/problem.ts";
import type { SaleRecovering } from "../sales/recovering.ts";

export interface Resizing {
  /** Changes the total in PostgreSQL and Redis, with an audit line. @throws StampedeError REDIS_UNAVAILABLE, DATABASE_UNAVAILABLE */
  resize(couponId: CouponId, total: number, actor: string): Promise<ResizeOutcome>;
  recovering: SaleRecovering;
  view(couponId: CouponId): Promise<Sale | null>;
}

/** POST /admin/coupons/:couponId/resize. A repeat of the current total changes nothing, except that it repairs a Redis that missed it. */
export const resizeSale = ({ resize, recovering, view }: Resizing): Endpoint =>
  endpoint({
    method: "POST",
    path: "/admin/coupons/:couponId/resize",
    operationId: "resizeSale",
    summary: "Give a sale another total, not below the highest slot in use",
    tag: "admin",
    audience: "operator",
    caller: "seller",
    cost: "write",
    body: ResizeSale,
    idempotency: "natural",
    cache: "no-store",
    audit: true,
    answers: { 200: Sale },
    refusals: ["COUPON_NOT_FOUND", "CONFLICT", "SALE_RECOVERING", "REDIS_UNAVAILABLE", "DATABASE_UNAVAILABLE"],
    async handle(call) {
      const { couponId } = call.params;
      if (!isCouponId(couponId!)) return call.refuse("COUPON_NOT_FOUND");
      const outcome = await resize(couponId, call.body.total, call.caller.userId);
      switch (outcome.code) {
        case "COUPON_NOT_FOUND":
          return call.refuse("COUPON_NOT_FOUND");
        case "SALE_RECOVERING":
          throw await recovering(couponId);
        case "CONFLICT": {
          const { smallestTotal } = outcome;
          const detail = `Slot ${smallestTotal} is taken, so the smallest possible total is ${smallestTotal}`;
          throw new StampedeError("CONFLICT", detail, { extra: { smallestTotal } });
        }
        default:
          return json(200, await view(couponId));
      }
    },
  });
