import { isProductId, type ProductId } from "../../contracts/orders/ids.ts";
import type { Product } from "../../contracts/shop/http-catalogue.ts";
import { pageOf } from "../http/page.ts";
import { json, problem } from "../http/problem.ts";
import type { Handler } from "../transports/transport.ts";

/** Newest first. */
export type ListProducts = (
  cursor: string | null,
  limit: number,
) => Promise<{ items: readonly Product[]; nextCursor: string | null }>;
export type FindProduct = (id: ProductId) => Promise<Product | null>;

/** GET /products */
export function listProductsRoute(list: ListProducts): Handler {
  return async (request) => {
    const { cursor, limit } = pageOf(request);
    return json(200, await list(cursor, limit));
  };
}

/** GET /products/:productId */
export function productRoute(find: FindProduct): Handler {
  return async (request) => {
    const id = request.params.productId!;
    const product = isProductId(id) ? await find(id) : null;
    return product === null ? problem("PRODUCT_NOT_FOUND") : json(200, product);
  };
}
