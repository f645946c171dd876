import { sharedLook } from "../../contracts/async/shared-look.ts";
import type { ProductId } from "../../contracts/orders/ids.ts";
import { deleteCartLines, findCart, setCartLine } from "../../db/shop/carts.ts";
import { listMyPoints } from "../../db/shop/points.ts";
import { findOffers, findProduct, listProducts } from "../../db/shop/products.ts";
import { bestSellers } from "../../db/shop/sold.ts";
import { PRODUCTS_CHANNEL } from "../../lua/keys.ts";
import { createRankingCache } from "../../lua/ranking.ts";
import type { GatewayConnections } from "../connections.ts";
import type { Endpoint } from "../http/endpoint.ts";
import { type CartStore, cartEndpoints } from "./cart.ts";
import { createOffers, type Offers } from "./offers.ts";
import { type FindProduct, type ListProducts, showProduct, showProducts } from "./products.ts";
import { createReadRanking, type ReadRanking } from "./ranking.ts";
import { type ListMyPoints, showPoints } from "./show-points.ts";
import { showRanking } from "./show-ranking.ts";

export interface ShopParts {
  readonly listProducts: ListProducts;
  readonly findProduct: FindProduct;
  readonly readRanking: ReadRanking;
  readonly cart: CartStore;
  readonly listMyPoints: ListMyPoints;
}

export interface Shop {
  /** Products with their prices, for pricing an order. */
  readonly offers: Offers;
  readonly endpoints: readonly Endpoint[];
}

export const shopEndpoints = (parts: ShopParts): Endpoint[] => [
  showProducts(parts.listProducts),
  showRanking(parts.readRanking),
  showProduct(parts.findProduct),
  ...cartEndpoints(parts.cart),
  showPoints(parts.listMyPoints),
];

/** Products, cart and points on PostgreSQL and Redis. */
export function composeShop({ redis, subscriber, sql, orm, guarded, onError }: GatewayConnections): Shop {
  const offers = createOffers({ find: (ids) => guarded(() => findOffers(sql, ids)) });
  subscriber.on("message", (channel: string, productId: string) => {
    if (channel === PRODUCTS_CHANNEL) offers.forget(productId as ProductId);
  });
  subscriber.subscribe(PRODUCTS_CHANNEL).catch(onError);
  return {
    offers,
    endpoints: shopEndpoints({
      listProducts: sharedLook((cursor, limit) => guarded(() => listProducts(orm, cursor, limit, true))),
      findProduct: sharedLook((id) => guarded(() => findProduct(sql, id))),
      readRanking: createReadRanking({
        cache: createRankingCache(redis),
        count: (since, limit) => guarded(() => bestSellers(sql, since, limit)),
        offers,
        onError,
      }),
      cart: {
        find: (userId) => guarded(() => findCart(sql, userId)),
        set: (userId, line) => guarded(() => setCartLine(sql, userId, line)),
        remove: (userId, productId) => guarded(() => deleteCartLines(sql, userId, productId)),
      },
      listMyPoints: (userId, cursor, limit) => guarded(() => listMyPoints(orm, userId, cursor, limit)),
    }),
  };
}
