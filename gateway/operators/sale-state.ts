import type { Sale } from "../../contracts/claims/http.ts";
import { type CouponId, isCouponId } from "../../contracts/wire/ids.ts";
import { identifyOperator } from "../auth/bearer.ts";
import type { Authenticate } from "../auth/hs256.ts";
import { noMembers } from "../http/json-body.ts";
import { json, problem } from "../http/problem.ts";
import type { Handler } from "../transports/transport.ts";

export type SaleAction = "open" | "pause" | "close";
export const INTENT = { open: "OPEN", pause: "PAUSED", close: "CLOSED" } as const satisfies Record<SaleAction, string>;

export interface SaleControl {
  /**
   * Locks the sale's row, writes the intent and the audit line, applies it in Redis, commits. So the calls of two operators
   * reach Redis in the order of their commits. false: no such sale.
   * A closed sale may be opened again, because an operator may have closed it by mistake.
   * @throws StampedeError REDIS_UNAVAILABLE, DATABASE_UNAVAILABLE
   */
  change(couponId: CouponId, action: SaleAction, actor: string): Promise<boolean>;
  view(couponId: CouponId): Promise<Sale | null>;
}

/** POST /admin/coupons/:couponId/open|pause|close. Idempotent. */
export function saleStateRoute(control: SaleControl, action: SaleAction, authenticate: Authenticate): Handler {
  return async (request) => {
    const { userId } = identifyOperator(request, authenticate);
    const couponId = request.params.couponId!;
    await noMembers(request);
    if (!isCouponId(couponId) || !(await control.change(couponId, action, userId))) return problem("COUPON_NOT_FOUND");
    return json(200, await control.view(couponId));
  };
}
