import type { OrderId, ProductId } from "../contracts/orders/ids.ts";
import type { ProductQuantity } from "../contracts/orders/parts.ts";
import type { UserId } from "../contracts/wire/ids.ts";
import loadText from "./admission-load.lua" with { type: "text" };
import releaseText from "./admission-release.lua" with { type: "text" };
import takeText from "./admission-take.lua" with { type: "text" };
import { ADMISSION_KEYS, orderBucket, pendingOrderKey } from "./keys.ts";
import { PortableScript } from "./portable-script.ts";
import type { RedisConnection } from "./redis.ts";
import { rethrow } from "./redis-failure.ts";

/** An admitted order whose pieces may not be taken out of PostgreSQL's stock yet. */
export interface Hold {
  readonly orderId: OrderId;
  readonly userId: UserId;
  /** By Redis' clock, milliseconds since 1970. */
  readonly at: number;
}

export interface ProductStock {
  readonly productId: ProductId;
  readonly stock: number;
}

/** Admission of orders with flash products. All methods reject with StampedeError REDIS_UNAVAILABLE, OVERLOADED. */
export interface Admission {
  /** Holds all lines for the order, or none. @returns the first product of which there is not enough, else null */
  take(orderId: OrderId, userId: UserId, lines: readonly ProductQuantity[]): Promise<ProductId | null>;
  /** Makes a new product known at once. The next look of role admission would do it up to a second later. */
  introduce(product: ProductStock): Promise<void>;
  /** Releases what the orders hold. @returns how many orders held something */
  release(orderIds: readonly OrderId[]): Promise<number>;
  /** Products that are loaded. */
  loaded(): Promise<number>;
  /** All orders that hold something. Orders that begin or stop to hold during the call may be missing. */
  holds(): Promise<Hold[]>;
  /** Whether the order is still in the ledger. */
  isInLedger(hold: Hold): Promise<boolean>;
  /** Loads PostgreSQL's stock of all flash products and releases the orders that are in it; both from one snapshot. */
  load(stocks: readonly ProductStock[], settled: readonly OrderId[]): Promise<void>;
}

const SCAN = 1_000;

export function createAdmission(redis: RedisConnection): Admission {
  const { stock, taken, held } = ADMISSION_KEYS;
  const takeScript = new PortableScript(takeText);
  const releaseScript = new PortableScript(releaseText);
  const loadScript = new PortableScript(loadText);
  return {
    async take(orderId, userId, lines) {
      const args = [orderId, userId, ...lines.flatMap(({ productId, quantity }) => [productId, String(quantity)])];
      const soldOut = (await takeScript.run(redis, [stock, taken, held], args)) as string;
      return soldOut === "" ? null : (soldOut as ProductId);
    },
    // NX: role admission may have been quicker, and its stock is newer.
    introduce: async (product) => void (await redis.hsetnx(stock, product.productId, product.stock).catch(rethrow)),
    async release(orderIds) {
      return (await releaseScript.run(redis, [taken, held], orderIds)) as number;
    },
    loaded: () => redis.hlen(stock).catch(rethrow),
    async holds() {
      const found = new Map<OrderId, Hold>(); // HSCAN may return an order twice
      let cursor = "0";
      do {
        const [next, pairs] = await redis.hscan(held, cursor, "COUNT", SCAN).catch(rethrow);
        cursor = next;
        for (let i = 0; i < pairs.length; i += 2) {
          const orderId = pairs[i] as OrderId;
          const [at, userId] = pairs[i + 1]!.split(" ", 2);
          // Written by hand: what it holds is not known, so it is skipped.
          if (userId === undefined || !Number.isFinite(Number(at))) continue;
          found.set(orderId, { orderId, userId: userId as UserId, at: Number(at) });
        }
      } while (cursor !== "0");
      return [...found.values()];
    },
    async isInLedger({ orderId, userId }) {
      return (await redis.exists(pendingOrderKey(orderBucket(userId), orderId)).catch(rethrow)) === 1;
    },
    async load(stocks, settled) {
      const products = stocks.flatMap(({ productId, stock: left }) => [productId, String(left)]);
      await loadScript.run(redis, [stock, taken, held], [String(settled.length), ...settled, ...products]);
    },
  };
}
