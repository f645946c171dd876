import { isProductId, type ProductId } from "../../contracts/orders/ids.ts";
import { Product, ProductList } from "../../contracts/shop/http-catalogue.ts";
import { type Endpoint, endpoint } from "../http/endpoint.ts";
import { PageQuery } from "../http/page.ts";
import { json } from "../http/problem.ts";

/** Newest first. */
export type ListProducts = (
  cursor: string | null,
  limit: number,
) => Promise<{ items: readonly Product[]; nextCursor: string | null }>;
export type FindProduct = (id: ProductId) => Promise<Product | null>;

const READ = {
  method: "GET",
  tag: "catalogue",
  audience: "public",
  caller: "anyone",
  body: "none",
  idempotency: "none",
  cache: "no-store",
  audit: false,
} as const;

/** GET /products */
export const showProducts = (list: ListProducts): Endpoint =>
  endpoint({
    ...READ,
    path: "/products",
    operationId: "listProducts",
    summary: "The listed products, newest first",
    cost: "list",
    query: PageQuery,
    answers: { 200: ProductList },
    refusals: ["VALIDATION_FAILED", "DATABASE_UNAVAILABLE"],
    handle: async ({ query: { cursor, limit } }) => json(200, await list(cursor ?? null, limit)),
  });

/** GET /products/:productId */
export const showProduct = (find: FindProduct): Endpoint =>
  endpoint({
    ...READ,
    path: "/products/:productId",
    operationId: "getProduct",
    summary: "A product: its price, and the stock that can still be sold",
    cost: "read",
    answers: { 200: Product },
    refusals: ["PRODUCT_NOT_FOUND", "DATABASE_UNAVAILABLE"],
    async handle(call) {
      const { productId } = call.params;
      const product = isProductId(productId!) ? await find(productId) : null;
      return product === null ? call.refuse("PRODUCT_NOT_FOUND") : json(200, product);
    },
  });
