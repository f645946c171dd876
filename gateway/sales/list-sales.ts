import { type Sale, SaleList } from "../../contracts/claims/http.ts";
import type { CouponId } from "../../contracts/wire/ids.ts";
import { type Endpoint, endpoint } from "../http/endpoint.ts";
import { PageQuery } from "../http/page.ts";
import { json } from "../http/problem.ts";
import { type SaleSources, viewSale } from "./sale-view.ts";

/** A page of sales, newest first. `nextCursor` null: it is the last one. @throws StampedeError VALIDATION_FAILED, DATABASE_UNAVAILABLE */
export type ReadSales = (
  cursor: string | null,
  limit: number,
) => Promise<{ readonly items: readonly Sale[]; readonly nextCursor: string | null }>;

/** Reads a page from PostgreSQL, and the counts of its sales from Redis. */
export const createReadSales = (list: SaleSources["list"], live: SaleSources["live"]): ReadSales => {
  return async (cursor, limit) => {
    const { rows, nextCursor } = await list(cursor, limit);
    const counts = await Promise.all(rows.map((row) => live(row.id as CouponId)));
    const now = Date.now();
    return { items: rows.map((row, i) => viewSale(row, counts[i] ?? null, now)), nextCursor };
  };
};

/** GET /coupons: the listed sales, newest first. */
export const listSales = (read: ReadSales): Endpoint =>
  endpoint({
    method: "GET",
    path: "/coupons",
    operationId: "listSales",
    summary: "The listed sales, newest first",
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
    handle: async ({ query: { cursor, limit } }) => json(200, await read(cursor ?? null, limit)),
  });
