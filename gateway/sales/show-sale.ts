import { Type } from "@sinclair/typebox";
import { CurrentSale } from "../../contracts/claims/http.ts";
import { isCouponId } from "../../contracts/wire/ids.ts";
import { type Endpoint, endpoint } from "../http/endpoint.ts";
import { sharedAnswer } from "../http/shared-body.ts";
import type { ShownSale, ShownSales } from "./shown-sales.ts";

/** How long browsers and proxies may show an answer about sales. */
export const MAX_AGE_S = 1;
export const IF_NONE_MATCH = Type.String({ description: "`ETag` of an earlier answer: 304 if it is still the same" });

/** GET /coupons/:couponId */
export const showSale = (sales: Pick<ShownSales, "get">): Endpoint =>
  endpoint({
    method: "GET",
    path: "/coupons/:couponId",
    operationId: "getSale",
    summary: "A sale: total, remaining, state, window; at most a second old",
    tag: "sales",
    audience: "public",
    caller: "anyone",
    cost: "read",
    body: "none",
    idempotency: "none",
    cache: { seconds: MAX_AGE_S },
    headers: { "if-none-match": IF_NONE_MATCH },
    audit: false,
    answers: { 200: CurrentSale },
    refusals: ["COUPON_NOT_FOUND", "DATABASE_UNAVAILABLE"],
    handle(call) {
      const { couponId } = call.params;
      const known = call.header("if-none-match");
      const answer = (shown: ShownSale | null) =>
        shown === null ? call.refuse("COUPON_NOT_FOUND") : sharedAnswer(shown.body, MAX_AGE_S, known);
      const shown = isCouponId(couponId!) ? sales.get(couponId) : null;
      return shown instanceof Promise ? shown.then(answer) : answer(shown);
    },
  });
