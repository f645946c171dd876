import { isProductId, type ProductId } from "../../contracts/orders/ids.ts";
import { Cart, type CartLine, CartLineRef, SetCartLine } from "../../contracts/shop/http-cart.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import { type Endpoint, endpoint } from "../http/endpoint.ts";
import { json } from "../http/problem.ts";
import type { HttpResponse } from "../transports/transport.ts";
import { cartView } from "./cart-view.ts";

/** A user's cart in PostgreSQL. All reject with StampedeError DATABASE_UNAVAILABLE. */
export interface CartStore {
  find(userId: UserId): Promise<CartLine[]>;
  /** @throws StampedeError PRODUCT_NOT_FOUND, CART_FULL */
  set(userId: UserId, line: SetCartLine): Promise<void>;
  /** null: all of it. */
  remove(userId: UserId, productId: ProductId | null): Promise<void>;
}

const CART = {
  path: "/cart/items",
  tag: "cart",
  audience: "public",
  caller: "user",
  cache: "no-store",
  audit: false,
  answers: { 200: Cart },
} as const;

const answer = async (store: CartStore, userId: UserId): Promise<HttpResponse> =>
  json(200, cartView(await store.find(userId)));

/** GET /cart/items */
const showCart = (store: CartStore) =>
  endpoint({
    ...CART,
    method: "GET",
    operationId: "getCart",
    summary: "The caller's cart at today's prices",
    cost: "read",
    body: "none",
    idempotency: "none",
    refusals: ["DATABASE_UNAVAILABLE"],
    handle: ({ caller }) => answer(store, caller.userId),
  });

/** PUT /cart/items sets one line. */
const setCartLine = (store: CartStore) =>
  endpoint({
    ...CART,
    method: "PUT",
    operationId: "setCartLine",
    summary: "Set a line of the cart: a product and its quantity",
    cost: "write",
    body: SetCartLine,
    idempotency: "natural",
    refusals: ["PRODUCT_NOT_FOUND", "CART_FULL", "DATABASE_UNAVAILABLE"],
    async handle({ caller, body }) {
      await store.set(caller.userId, body);
      return answer(store, caller.userId);
    },
  });

/**
 * DELETE /cart/items deletes all lines, or the one that a body names. HTTP gives a body of DELETE no meaning, but a client that
 * sends one wants to delete only that line.
 */
const clearCart = (store: CartStore) =>
  endpoint({
    ...CART,
    method: "DELETE",
    operationId: "clearCart",
    summary: "Empty the cart; with a body {productId} delete only that line",
    cost: "write",
    body: { optional: CartLineRef },
    idempotency: "natural",
    refusals: ["DATABASE_UNAVAILABLE"],
    async handle({ caller, body }) {
      await store.remove(caller.userId, body?.productId ?? null);
      return answer(store, caller.userId);
    },
  });

/** DELETE /cart/items/:productId */
const removeCartLine = (store: CartStore) =>
  endpoint({
    ...CART,
    path: "/cart/items/:productId",
    method: "DELETE",
    operationId: "removeCartLine",
    summary: "Take a product out of the cart",
    cost: "write",
    body: "none",
    idempotency: "natural",
    refusals: ["DATABASE_UNAVAILABLE"],
    async handle({ caller, params: { productId } }) {
      // A text that is not a product id is in no cart.
      if (isProductId(productId!)) await store.remove(caller.userId, productId);
      return answer(store, caller.userId);
    },
  });

/** The cart's calls. */
export const cartEndpoints = (store: CartStore): Endpoint[] => [
  showCart(store),
  setCartLine(store),
  clearCart(store),
  removeCartLine(store),
];
