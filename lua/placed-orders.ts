import type { OrderCreated } from "../contracts/orders/events.ts";
import type { OrderId, ProductId } from "../contracts/orders/ids.ts";
import type { ProductQuantity } from "../contracts/orders/parts.ts";
import type { UserId } from "../contracts/wire/ids.ts";
import {
  cancelKey,
  cartOrdersKey,
  ORDER_BUCKETS,
  openOrdersKey,
  orderBucket,
  orderLedgerKey,
  pendingOrderKey,
  placedKey,
} from "./keys.ts";
import placeText from "./order-place.lua" with { type: "text" };
import { PortableScript } from "./portable-script.ts";
import type { RedisConnection } from "./redis.ts";
import { rethrow } from "./redis-failure.ts";

/**
 * Seconds that Redis keeps an Idempotency-Key whose order is never acknowledged: longer than Kafka keeps order-events. Once
 * PostgreSQL has the order, the key stays a minute (order-acknowledge.lua); PostgreSQL keeps it with the order.
 */
export const KEY_TTL_S = 8 * 24 * 3600;
const CANCEL_TTL_S = 24 * 3600;
/** Orders of one user that may wait for PostgreSQL: at the default rate, 50 seconds of nothing but orders. */
export const MOST_OPEN_ORDERS = 1_000;

/** The result of placing an order. `stored`: the event as it was placed first; null: PostgreSQL has it. */
export type Placed =
  | { readonly code: "ACCEPTED" }
  | { readonly code: "REPEATED"; readonly stored: OrderCreated | null }
  | { readonly code: "IDEMPOTENCY_KEY_REUSED" | "TOO_MANY_ORDERS" | "CART_CHANGED" };

/** An order that PostgreSQL may not have yet. */
export interface OpenOrder {
  readonly orderId: OrderId;
  readonly ledgerId: string;
  /** Milliseconds since 1970, by the gateway's clock. */
  readonly at: number;
}

/** A user's orders from the cart that PostgreSQL may not have yet. */
export interface CartOrders {
  /** Changes with each order from the cart; '' is a version too. */
  readonly version: string;
  /** What each order removes from the cart as soon as PostgreSQL has it. */
  readonly lines: ReadonlyMap<OrderId, readonly ProductQuantity[]>;
}

/** The first request to cancel an order; repeated ones are the same event. */
export interface CancelRequest {
  readonly by: "USER" | "OPERATOR";
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** Orders that PostgreSQL may not have yet. All methods reject with StampedeError REDIS_UNAVAILABLE, OVERLOADED. */
export interface PlacedOrders {
  /** The order that a user's Idempotency-Key belongs to. */
  orderOf(userId: UserId, idempotencyKey: string): Promise<OrderId | null>;
  /** @param cartVersion of an order from the cart: the version of `cartOrders` when its lines were read */
  place(created: OrderCreated, cartVersion?: string): Promise<Placed>;
  /** A user's orders that PostgreSQL may not have yet, newest first. */
  open(userId: UserId): Promise<OpenOrder[]>;
  /** The events of those orders that are still in the ledger. */
  read(userId: UserId, orders: readonly OpenOrder[]): Promise<OrderCreated[]>;
  cartOrders(userId: UserId): Promise<CartOrders>;
  /** An order that PostgreSQL may not have yet; null: this user has no such order. */
  pending(userId: UserId, orderId: OrderId): Promise<OrderCreated | null>;
  /** The same of any user: asks all buckets, so it is for operators. */
  pendingOfAnybody(orderId: OrderId): Promise<OrderCreated | null>;
  /** Stores the first request to cancel: by whom, and when. */
  noteCancel(userId: UserId, orderId: OrderId, request: CancelRequest): Promise<CancelRequest>;
}

// Product ids hold no space.
const linesText = (lines: readonly ProductQuantity[]): string =>
  lines.map(({ productId, quantity }) => `${productId} ${quantity}`).join(" ");

function linesOf(text: string): ProductQuantity[] {
  const words = text.split(" ");
  const lines: ProductQuantity[] = [];
  for (let i = 0; i + 1 < words.length; i += 2) {
    lines.push({ productId: words[i] as ProductId, quantity: Number(words[i + 1]) });
  }
  return lines;
}

export function createPlacedOrders(redis: RedisConnection): PlacedOrders {
  const placeScript = new PortableScript(placeText);

  async function inBucket(bucket: number, orderId: OrderId): Promise<OrderCreated | null> {
    const ledgerId = await redis.get(pendingOrderKey(bucket, orderId)).catch(rethrow);
    if (ledgerId === null) return null;
    const [entry] = await redis.xrange(orderLedgerKey(bucket), ledgerId, ledgerId).catch(rethrow);
    return entry === undefined ? null : JSON.parse(entry[1][5] ?? "null");
  }

  return {
    async orderOf(userId, idempotencyKey) {
      return (await redis.get(placedKey(userId, idempotencyKey)).catch(rethrow)) as OrderId | null;
    },
    async place(created, cartVersion = "") {
      const { userId, orderId, idempotencyKey, source, items } = created.data;
      const bucket = orderBucket(userId);
      const keys = [
        placedKey(userId, idempotencyKey),
        pendingOrderKey(bucket, orderId),
        orderLedgerKey(bucket),
        openOrdersKey(userId),
        cartOrdersKey(userId),
      ];
      const placedAt = String(Date.parse(created.occurredAt));
      const fixed = [orderId, userId, JSON.stringify(created), String(KEY_TTL_S), placedAt, String(MOST_OPEN_ORDERS)];
      const cart = source === "cart" ? [linesText(items), cartVersion] : [""];
      const [code, event] = (await placeScript.run(redis, keys, [...fixed, ...cart])) as [Placed["code"], string];
      return code === "REPEATED" ? { code, stored: event === "" ? null : JSON.parse(event) } : { code };
    },
    async open(userId) {
      const found = await redis.zrange(openOrdersKey(userId), "0", "-1", "REV", "WITHSCORES").catch(rethrow);
      const orders: OpenOrder[] = [];
      for (let i = 0; i < found.length; i += 2) {
        const [orderId, ledgerId] = found[i]!.split(" ") as [OrderId, string];
        orders.push({ orderId, ledgerId, at: Number(found[i + 1]) });
      }
      return orders;
    },
    async read(userId, orders) {
      const ledger = orderLedgerKey(orderBucket(userId));
      const entries = await Promise.all(orders.map(({ ledgerId }) => redis.xrange(ledger, ledgerId, ledgerId))).catch(
        rethrow,
      );
      return entries.flatMap(([entry]) => (entry === undefined ? [] : [JSON.parse(entry[1][5]!) as OrderCreated]));
    },
    async cartOrders(userId) {
      const { n: version = "", ...orders } = await redis.hgetall(cartOrdersKey(userId)).catch(rethrow);
      const lines = new Map(Object.entries(orders).map(([orderId, text]) => [orderId as OrderId, linesOf(text)]));
      return { version, lines };
    },
    async pending(userId, orderId) {
      const stored = await inBucket(orderBucket(userId), orderId);
      return stored?.data.userId === userId ? stored : null; // a bucket holds many users' orders
    },
    async pendingOfAnybody(orderId) {
      const buckets = Array.from({ length: ORDER_BUCKETS }, (_, bucket) => inBucket(bucket, orderId));
      const looks = await Promise.allSettled(buckets);
      for (const look of looks) if (look.status === "fulfilled" && look.value !== null) return look.value;
      // No bucket that answered has it, so it may be in one that failed.
      for (const look of looks) if (look.status === "rejected") throw look.reason;
      return null;
    },
    async noteCancel(userId, orderId, { by, at }) {
      const key = cancelKey(userId, orderId);
      const first = await redis.set(key, `${by} ${at}`, "EX", CANCEL_TTL_S, "NX", "GET").catch(rethrow);
      const [who, when] = first?.split(" ") ?? [];
      return who === undefined ? { by, at } : { by: who as CancelRequest["by"], at: Number(when) };
    },
  };
}
