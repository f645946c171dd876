import { Sale } from "../../contracts/claims/http.ts";
import { type CouponId, isCouponId } from "../../contracts/wire/ids.ts";
import { type Endpoint, endpoint } from "../http/endpoint.ts";
import { json } from "../http/problem.ts";

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

const SUMMARY: Readonly<Record<SaleAction, string>> = {
  open: "Open a paused or closed sale",
  pause: "Pause a sale: claims get PAUSED until it is opened",
  close: "Close a sale: claims get ENDED",
};

/** POST /admin/coupons/:couponId/open|pause|close. */
export const changeSaleState = (control: SaleControl, action: SaleAction): Endpoint =>
  endpoint({
    method: "POST",
    path: `/admin/coupons/:couponId/${action}`,
    operationId: `${action}Sale`,
    summary: SUMMARY[action],
    tag: "admin",
    audience: "operator",
    caller: "seller",
    cost: "write",
    body: "empty",
    idempotency: "natural",
    cache: "no-store",
    audit: true,
    answers: { 200: Sale },
    refusals: ["COUPON_NOT_FOUND", "REDIS_UNAVAILABLE", "DATABASE_UNAVAILABLE"],
    async handle(call) {
      const { couponId } = call.params;
      if (!isCouponId(couponId!) || !(await control.change(couponId, action, call.caller.userId))) {
        return call.refuse("COUPON_NOT_FOUND");
      }
      return json(200, await control.view(couponId));
    },
  });
