import { sharedLook } from "../../contracts/async/shared-look.ts";
import { newProductId } from "../../contracts/orders/ids.ts";
import type { Database } from "../../db/client.ts";
import { once } from "../../db/once.ts";
import { deleteCartLines, findCart, setCartLine } from "../../db/shop/carts.ts";
import { grantPoints, listMyPoints } from "../../db/shop/points.ts";
import { createProduct, findProduct, listProducts, restockProduct } from "../../db/shop/products.ts";
import { bestSellers } from "../../db/shop/sold.ts";
import { createAdmission } from "../../lua/admission.ts";
import { createRankingCache } from "../../lua/ranking.ts";
import type { RedisConnection } from "../../lua/redis.ts";
import type { databaseCalls } from "../database-errors.ts";
import type { CatalogueParts } from "./endpoints.ts";
import type { Offers } from "./offers.ts";
import { createReadRanking } from "./ranking.ts";

export interface CatalogueSources {
  readonly database: Database;
  readonly redis: RedisConnection;
  readonly offers: Offers;
  readonly guarded: ReturnType<typeof databaseCalls>;
  readonly onError: (error: unknown) => void;
}

/** The catalogue's routes on PostgreSQL and Redis. */
export function createCatalogueParts({ database, redis, offers, guarded, onError }: CatalogueSources): CatalogueParts {
  const { sql, orm } = database;
  const admission = createAdmission(redis);
  return {
    listProducts: sharedLook((cursor, limit) => guarded(() => listProducts(orm, cursor, limit))),
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
    productControl: {
      async create(asking, product) {
        const created = await guarded(() =>
          once(sql, { ...asking, request: ["product", product] }, (tx) =>
            createProduct(tx, newProductId(), product, asking.actor),
          ),
        );
        // Before the product is announced, so that the first orders of a rush are admitted or refused correctly.
        if (created.flash) await admission.introduce(created).catch(onError); // the loader finds it as well
        return created;
      },
      restock: (asking, id, quantity) =>
        guarded(() =>
          once(sql, { ...asking, request: ["restock", id, quantity] }, (tx) =>
            restockProduct(tx, id, quantity, asking.actor),
          ),
        ),
    },
    grantPoints: (asking, grant) =>
      guarded(() => once(sql, { ...asking, request: ["grant", grant] }, (tx) => grantPoints(tx, grant, asking.actor))),
  };
}
