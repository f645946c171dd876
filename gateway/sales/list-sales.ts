import { SaleList } from "../../contracts/claims/http.ts";
import { type Endpoint, endpoint } from "../http/endpoint.ts";
import { PageQuery } from "../http/page.ts";
import { json } from "../http/problem.ts";
import { type SaleSources, viewSale } from "./sale-view.ts";

/** GET /coupons: all sales, newest first. */
export const listSales = (sources: SaleSources): Endpoint =>
  endpoint({
    method: "GET",
    path: "/coupons",
    operationId: "listSales",
    summary: "All sales, newest first",
    tag: "sales",
    audience: "public",
    caller: "anyone",
    cost: "list",
    body: "none",
    query: PageQuery,
    idempotency: "none",
    cache: "no-store",
    audit: false,
    answers: { 200: SaleList },
    refusals: ["VALIDATION_FAILED", "DATABASE_UNAVAILABLE"],
    async handle({ query: { cursor, limit } }) {
      const { rows, nextCursor } = await sources.list(cursor ?? null, limit);
      const live = await Promise.all(rows.map((row) => sources.live(row.id as never)));
      const now = Date.now();
      return json(200, { items: rows.map((row, i) => viewSale(row, live[i] ?? null, now)), nextCursor });
    },
  });
