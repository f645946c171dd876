import { ResizeSale, type Sale } from "../../contracts/claims/http.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import { type CouponId, isCouponId } from "../../contracts/wire/ids.ts";
import type { ResizeOutcome } from "../../db/sales/change.ts";
import { identifyOperator } from "../auth/bearer.ts";
import type { Authenticate } from "../auth/hs256.ts";
import { jsonBody } from "../http/json-body.ts";
import { json, problem } from "../http/problem.ts";
import type { Handler } from "../transports/transport.ts";
import type { SaleRecovering } from "./recovering.ts";

export interface Resizing {
  /** Changes the total in PostgreSQL and Redis, with an audit line. @throws StampedeError REDIS_UNAVAILABLE, DATABASE_UNAVAILABLE */
  resize(couponId: CouponId, total: number, actor: string): Promise<ResizeOutcome>;
  recovering: SaleRecovering;
  view(couponId: CouponId): Promise<Sale | null>;
}

/** POST /admin/coupons/:couponId/resize. A repeat of the current total changes nothing, except that it repairs a Redis that missed it. */
export function resizeSaleRoute({ resize, recovering, view }: Resizing, authenticate: Authenticate): Handler {
  const read = jsonBody(ResizeSale);
  return async (request) => {
    const { userId } = identifyOperator(request, authenticate);
    const { total } = await read(request);
    const couponId = request.params.couponId!;
    if (!isCouponId(couponId)) return problem("COUPON_NOT_FOUND");
    const outcome = await resize(couponId, total, userId);
    switch (outcome.code) {
      case "COUPON_NOT_FOUND":
        return problem("COUPON_NOT_FOUND");
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
  };
}
