import { Sale } from "../../contracts/claims/http.ts";
import { isCouponId } from "../../contracts/wire/ids.ts";
import { type Endpoint, endpoint } from "../http/endpoint.ts";
import { json } from "../http/problem.ts";
import type { ViewSale } from "./sale-view.ts";

/** GET /coupons/:couponId */
export const showSale = (view: ViewSale): Endpoint =>
  endpoint({
    method: "GET",
    path: "/coupons/:couponId",
    operationId: "getSale",
    summary: "A sale: total, remaining, state, window",
    tag: "sales",
    audience: "public",
    caller: "anyone",
    cost: "read",
    body: "none",
    idempotency: "none",
    cache: "no-store",
    audit: false,
    answers: { 200: Sale },
    refusals: ["COUPON_NOT_FOUND", "DATABASE_UNAVAILABLE"],
    async handle(call) {
      const { couponId } = call.params;
      const sale = isCouponId(couponId!) ? await view(couponId) : null;
      return sale === null ? call.refuse("COUPON_NOT_FOUND") : json(200, sale);
    },
  });
