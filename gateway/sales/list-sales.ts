import { SaleList } from "../../contracts/claims/http.ts";
import { type Endpoint, endpoint } from "../http/endpoint.ts";
import { PageQuery } from "../http/page.ts";
import { sharedAnswer } from "../http/shared-body.ts";
import { IF_NONE_MATCH, MAX_AGE_S } from "./show-sale.ts";
import type { ShownPages } from "./shown-pages.ts";

/** GET /coupons: the listed sales, newest first. */
export const listSales = (pages: Pick<ShownPages, "get">): Endpoint =>
  endpoint({
    method: "GET",
    path: "/coupons",
    operationId: "listSales",
    summary: "The listed sales, newest first; at most a second old",
    tag: "sales",
    audience: "public",
    caller: "anyone",
    cost: "list",
    body: "none",
    query: PageQuery,
    idempotency: "none",
    cache: { seconds: MAX_AGE_S },
    headers: { "if-none-match": IF_NONE_MATCH },
    audit: false,
    answers: { 200: SaleList },
    refusals: ["VALIDATION_FAILED", "DATABASE_UNAVAILABLE"],
    handle(call) {
      const known = call.header("if-none-match");
      const page = pages.get(call.query.cursor ?? null, call.query.limit);
      return page instanceof Promise
        ? page.then((body) => sharedAnswer(body, MAX_AGE_S, known))
        : sharedAnswer(page, MAX_AGE_S, known);
    },
  });
