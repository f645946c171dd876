import { SaleList } from "../../contracts/claims/http.ts";
import { ProductList } from "../../contracts/shop/http-catalogue.ts";
import { type Endpoint, endpoint } from "../http/endpoint.ts";
import { PageQuery } from "../http/page.ts";
import { json } from "../http/problem.ts";
import type { ReadSales } from "../sales/read-sales.ts";
import type { ListProducts } from "../shop/products.ts";

export interface OperatorLists {
  /** All sales, with those that are UNLISTED. */
  readonly sales: ReadSales;
  /** All products, with those that are not listed. */
  readonly products: ListProducts;
}

const LIST = {
  method: "GET",
  tag: "admin",
  audience: "operator",
  caller: "viewer",
  cost: "list",
  body: "none",
  query: PageQuery,
  idempotency: "none",
  cache: "no-store",
  audit: true,
  refusals: ["VALIDATION_FAILED", "DATABASE_UNAVAILABLE"],
} as const;

/** GET /admin/coupons and GET /admin/products: what the public lists leave out too. */
export const listEndpoints = ({ sales, products }: OperatorLists): Endpoint[] => [
  endpoint({
    ...LIST,
    path: "/admin/coupons",
    operationId: "listAllSales",
    summary: "All sales, also unlisted ones, newest first",
    answers: { 200: SaleList },
    handle: async ({ query: { cursor, limit } }) => json(200, await sales(cursor ?? null, limit)),
  }),
  endpoint({
    ...LIST,
    path: "/admin/products",
    operationId: "listAllProducts",
    summary: "All products, also those that are not listed, newest first",
    answers: { 200: ProductList },
    handle: async ({ query: { cursor, limit } }) => json(200, await products(cursor ?? null, limit)),
  }),
];
