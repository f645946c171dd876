import { isProductId, type ProductId } from "../../contracts/orders/ids.ts";
import { type CartLine, CartLineRef, SetCartLine } from "../../contracts/shop/http-cart.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import { identify } from "../auth/bearer.ts";
import type { Authenticate } from "../auth/hs256.ts";
import { jsonBody, optionalJsonBody } from "../http/json-body.ts";
import { json } from "../http/problem.ts";
import type { Handler, HttpResponse } from "../transports/transport.ts";
import { cartView } from "./cart-view.ts";

/** A user's cart in PostgreSQL. All reject with StampedeError DATABASE_UNAVAILABLE. */
export interface CartStore {
  find(userId: UserId): Promise<CartLine[]>;
  /** @throws StampedeError PRODUCT_NOT_FOUND, CART_FULL */
  set(userId: UserId, line: SetCartLine): Promise<void>;
  /** null: all of it. */
  remove(userId: UserId, productId: ProductId | null): Promise<void>;
}

const answer = async (store: CartStore, userId: UserId): Promise<HttpResponse> =>
  json(200, cartView(await store.find(userId)));

/** GET /cart/items */
export function showCartRoute(store: CartStore, authenticate: Authenticate): Handler {
  return async (request) => answer(store, identify(request, authenticate).userId);
}

/** PUT /cart/items sets one line. Idempotent. */
export function setCartLineRoute(store: CartStore, authenticate: Authenticate): Handler {
  const read = jsonBody(SetCartLine);
  return async (request) => {
    const { userId } = identify(request, authenticate);
    await store.set(userId, await read(request));
    return answer(store, userId);
  };
}

/** DELETE /cart/items/:productId */
export function removeCartLineRoute(store: CartStore, authenticate: Authenticate): Handler {
  return async (request) => {
    const { userId } = identify(request, authenticate);
    const { productId } = request.params;
    // A text that is not a product id is in no cart.
    if (isProductId(productId!)) await store.remove(userId, productId);
    return answer(store, userId);
  };
}

/**
 * DELETE /cart/items deletes all lines, or the one that a body names. HTTP gives a body of DELETE no meaning, but a client that
 * sends one wants to delete only that line.
 */
export function clearCartRoute(store: CartStore, authenticate: Authenticate): Handler {
  const read = optionalJsonBody(CartLineRef);
  return async (request) => {
    const { userId } = identify(request, authenticate);
    const named = await read(request);
    await store.remove(userId, named?.productId ?? null);
    return answer(store, userId);
  };
}
