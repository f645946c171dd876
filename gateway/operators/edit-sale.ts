import { EditSale, Sale } from "../../contracts/claims/http.ts";
import { type CouponId, isCouponId } from "../../contracts/wire/ids.ts";
import { type Endpoint, endpoint } from "../http/endpoint.ts";
import { json } from "../http/problem.ts";

export interface SaleEditing {
  /**
   * Changes what the edit names, in PostgreSQL with an audit line, and a new end in Redis before it returns. false: no such sale.
   * @throws StampedeError VALIDATION_FAILED, CONFLICT, REDIS_UNAVAILABLE, DATABASE_UNAVAILABLE
   */
  edit(couponId: CouponId, edit: EditSale, actor: string): Promise<boolean>;
  view(couponId: CouponId): Promise<Sale | null>;
}

/** PATCH /admin/coupons/:couponId. A repeat changes nothing, except that it repairs a Redis that missed the end. */
export const editSale = ({ edit, view }: SaleEditing): Endpoint =>
  endpoint({
    method: "PATCH",
    path: "/admin/coupons/:couponId",
    operationId: "editSale",
    summary: "Change a sale's name, metadata, visibility, end, or how long its coupons are valid",
    tag: "admin",
    audience: "operator",
    caller: "seller",
    cost: "write",
    body: EditSale,
    idempotency: "natural",
    cache: "no-store",
    audit: true,
    answers: { 200: Sale },
    refusals: ["COUPON_NOT_FOUND", "CONFLICT", "REDIS_UNAVAILABLE", "DATABASE_UNAVAILABLE"],
    async handle(call) {
      const { couponId } = call.params;
      if (!isCouponId(couponId!) || !(await edit(couponId, call.body, call.caller.userId))) {
        return call.refuse("COUPON_NOT_FOUND");
      }
      return json(200, await view(couponId));
    },
  });
