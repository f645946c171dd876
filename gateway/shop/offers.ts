import { LRUCache } from "lru-cache";
import { batchPerTurn } from "../../contracts/async/per-turn.ts";
import { sharedLook } from "../../contracts/async/shared-look.ts";
import type { ProductId } from "../../contracts/orders/ids.ts";
import type { Offer } from "../../db/shop/products.ts";

/** Prices by product, for placing orders and for rankings. */
export interface Offers {
  /** Each product's offer; null: no such product. @throws the error of PostgreSQL, if a product is not in memory */
  of(ids: readonly ProductId[]): Promise<ReadonlyMap<ProductId, Offer | null>>;
  /** A product was changed: the next question reads it, also if it is being read now. */
  forget(id: ProductId): void;
}

export interface OffersOptions {
  readonly find: (ids: readonly ProductId[]) => Promise<readonly Offer[]>;
  /** How long a product is remembered, milliseconds: the delay of a changed price whose announcement was missed. */
  readonly ttlMs?: number;
  /** How long a missing product is remembered: long enough to keep a flood of invented ids away from the database. */
  readonly missingTtlMs?: number;
  readonly max?: number;
}

const MAX_PRODUCTS = 20_000;

/**
 * The catalogue in this process' memory. Missing products are read from PostgreSQL: those of one event-loop turn together, and
 * each once at a time. A thousand orders of the same second for a new product are one statement.
 */
export function createOffers(options: OffersOptions): Offers {
  const { find, ttlMs = 5_000, missingTtlMs = 1_000, max = MAX_PRODUCTS } = options;
  const known = new LRUCache<ProductId, { readonly offer: Offer | null }>({ max, ttl: ttlMs });
  /** How many products were changed. A read that began before a change is not shared with those who ask after it. */
  let changes = 0;
  const findTogether = batchPerTurn<ProductId, Offer | null>(async (ids) => {
    const found = new Map((await find(ids)).map((offer) => [offer.productId, offer]));
    return ids.map((id) => found.get(id) ?? null);
  });
  const read = sharedLook(
    async (id: ProductId, begunAt: number) => {
      const offer = await findTogether(id);
      // What was read before a change is an answer to those who asked before it, and nothing to remember.
      if (begunAt === changes) known.set(id, { offer }, offer === null ? { ttl: missingTtlMs } : {});
      return offer;
    },
    { joinRunning: true },
  );

  return {
    async of(ids) {
      const offers = await Promise.all(
        ids.map((id) => {
          const one = known.get(id);
          return one === undefined ? read(id, changes) : one.offer;
        }),
      );
      return new Map(ids.map((id, i) => [id, offers[i]!]));
    },
    forget(id) {
      changes++;
      known.delete(id);
    },
  };
}
