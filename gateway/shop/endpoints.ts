import { IdempotencyKeySchema } from "../../contracts/orders/ids.ts";
import { Cart, SetCartLine } from "../../contracts/shop/http-cart.ts";
import {
  CreateProduct,
  Product,
  ProductList,
  Ranking,
  RankingQuery,
  Restock,
} from "../../contracts/shop/http-catalogue.ts";
import { GrantPoints, MyPoints, PointsGranted } from "../../contracts/shop/http-points.ts";
import type { Authenticate } from "../auth/hs256.ts";
import type { Endpoint } from "../http/endpoint.ts";
import { PageQuery } from "../http/page.ts";
import { type Grant, grantPointsRoute } from "../operators/grant-points.ts";
import { createProductRoute, type ProductControl, restockRoute } from "../operators/products.ts";
import { type CartStore, clearCartRoute, removeCartLineRoute, setCartLineRoute, showCartRoute } from "./cart-routes.ts";
import { type ListMyPoints, myPointsRoute } from "./my-points.ts";
import { type FindProduct, type ListProducts, listProductsRoute, productRoute } from "./products.ts";
import type { ReadRanking } from "./ranking.ts";
import { rankingRoute } from "./ranking-route.ts";

export interface CatalogueParts {
  readonly listProducts: ListProducts;
  readonly findProduct: FindProduct;
  readonly readRanking: ReadRanking;
  readonly cart: CartStore;
  readonly listMyPoints: ListMyPoints;
  readonly productControl: ProductControl;
  readonly grantPoints: Grant;
}

const DATABASE = ["DATABASE_UNAVAILABLE"] as const;
const KEY = { headers: { "Idempotency-Key": IdempotencyKeySchema } } as const;
const KEYED = ["IDEMPOTENCY_KEY_INVALID", "IDEMPOTENCY_KEY_REUSED"] as const;

/** Products, cart and points: part of the route table (app.ts). */
export function catalogueEndpoints(parts: CatalogueParts, authenticate: Authenticate): Endpoint[] {
  const cart = (
    method: "GET" | "PUT" | "DELETE",
    path: string,
    summary: string,
    more: Partial<Endpoint>,
  ): Endpoint => ({
    method,
    path,
    summary,
    tag: "cart",
    security: "user",
    answers: { 200: Cart },
    refusals: DATABASE,
    handler: showCartRoute(parts.cart, authenticate),
    ...more,
  });
  return [
    {
      method: "GET",
      path: "/products",
      summary: "All products, newest first",
      tag: "catalogue",
      security: "none",
      query: PageQuery,
      answers: { 200: ProductList },
      refusals: ["VALIDATION_FAILED", ...DATABASE],
      handler: listProductsRoute(parts.listProducts),
    },
    {
      method: "GET",
      path: "/products/ranking",
      summary: "The best-selling products; at most a few seconds old",
      tag: "catalogue",
      security: "none",
      query: RankingQuery,
      answers: { 200: Ranking },
      refusals: ["VALIDATION_FAILED", ...DATABASE],
      handler: rankingRoute(parts.readRanking),
    },
    {
      method: "GET",
      path: "/products/:productId",
      summary: "A product: its price, and the stock that can still be sold",
      tag: "catalogue",
      security: "none",
      answers: { 200: Product },
      refusals: ["PRODUCT_NOT_FOUND", ...DATABASE],
      handler: productRoute(parts.findProduct),
    },
    cart("GET", "/cart/items", "The caller's cart at today's prices", {}),
    cart("PUT", "/cart/items", "Set a line of the cart: a product and its quantity", {
      body: SetCartLine,
      refusals: ["UNSUPPORTED_MEDIA_TYPE", "PRODUCT_NOT_FOUND", "CART_FULL", ...DATABASE],
      handler: setCartLineRoute(parts.cart, authenticate),
    }),
    cart("DELETE", "/cart/items", "Empty the cart; with a body {productId} delete only that line", {
      refusals: ["UNSUPPORTED_MEDIA_TYPE", "INVALID_JSON", "VALIDATION_FAILED", "BODY_TOO_LARGE", ...DATABASE],
      handler: clearCartRoute(parts.cart, authenticate),
    }),
    cart("DELETE", "/cart/items/:productId", "Take a product out of the cart", {
      handler: removeCartLineRoute(parts.cart, authenticate),
    }),
    {
      method: "GET",
      path: "/me/points",
      summary: "The caller's points and their history, newest first",
      tag: "me",
      security: "user",
      query: PageQuery,
      answers: { 200: MyPoints },
      refusals: ["VALIDATION_FAILED", ...DATABASE],
      handler: myPointsRoute(parts.listMyPoints, authenticate),
    },
    {
      method: "POST",
      path: "/admin/products",
      summary: "Create a product",
      tag: "admin",
      security: "operator",
      body: CreateProduct,
      ...KEY,
      answers: { 201: Product },
      refusals: ["UNSUPPORTED_MEDIA_TYPE", ...KEYED, ...DATABASE],
      handler: createProductRoute(parts.productControl, authenticate),
    },
    {
      method: "POST",
      path: "/admin/products/:productId/restock",
      summary: "Add stock of a product",
      tag: "admin",
      security: "operator",
      body: Restock,
      ...KEY,
      answers: { 200: Product },
      refusals: ["UNSUPPORTED_MEDIA_TYPE", "PRODUCT_NOT_FOUND", "AMOUNT_OUT_OF_RANGE", ...KEYED, ...DATABASE],
      handler: restockRoute(parts.productControl, authenticate),
    },
    {
      method: "POST",
      path: "/admin/points/grants",
      summary: "Give points to a user",
      tag: "admin",
      security: "operator",
      body: GrantPoints,
      ...KEY,
      answers: { 201: PointsGranted },
      refusals: ["UNSUPPORTED_MEDIA_TYPE", "AMOUNT_OUT_OF_RANGE", ...KEYED, ...DATABASE],
      handler: grantPointsRoute(parts.grantPoints, authenticate),
    },
  ];
}
