import type { UserId } from "../contracts/ids.ts";
import type { OrderCreated } from "../contracts/order-events.ts";
import type { OrderId } from "../contracts/order-ids.ts";
import { cancelKey, ORDER_BUCKETS, orderBucket, orderLedgerKey, pendingOrderKey, placedKey } from "./keys.ts";
import placeText from "./order-place.lua" with { type: "text" };
import type { RedisConnection } from "./redis.ts";
import { rethrow } from "./redis-failure.ts";
import { PortableScript } from "./script.ts";

/** How long an Idempotency-Key is remembered. */
export const IDEMPOTENCY_TTL_S = 24 * 3600;

/** What became of placing an order. `stored`: as it was placed first; null: PostgreSQL has it. */
export type Placed =
  | { readonly code: "ACCEPTED" }
  | { readonly code: "REPEATED"; readonly stored: OrderCreated | null }
  | { readonly code: "IDEMPOTENCY_KEY_REUSED" };

/** The first request to cancel an order; repeated ones are the same event. */
export interface CancelRequest {
  readonly by: "USER" | "OPERATOR";
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** Orders between the door and PostgreSQL. All reject with StampedeError REDIS_UNAVAILABLE, OVERLOADED. */
export interface PlacedOrders {
  /** Which order a user's key stands for. */
  orderOf(userId: UserId, idempotencyKey: string): Promise<OrderId | null>;
  place(created: OrderCreated): Promise<Placed>;
  /** An order that PostgreSQL may not have yet; null: there is none of this user. */
  pending(userId: UserId, orderId: OrderId): Promise<OrderCreated | null>;
  /** The same of any user: asks all buckets, so it is for operators. */
  pendingOfAnybody(orderId: OrderId): Promise<OrderCreated | null>;
  /** Remembers who asked first, and when. */
  noteCancel(userId: UserId, orderId: OrderId, request: CancelRequest): Promise<CancelRequest>;
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
    async place(created) {
      const { userId, orderId, idempotencyKey } = created.data;
      const bucket = orderBucket(userId);
      const keys = [placedKey(userId, idempotencyKey), pendingOrderKey(bucket, orderId), orderLedgerKey(bucket)];
      const args = [orderId, userId, JSON.stringify(created), String(IDEMPOTENCY_TTL_S)];
      const [code, event] = (await placeScript.run(redis, keys, args)) as [Placed["code"], string];
      return code === "REPEATED" ? { code, stored: event === "" ? null : JSON.parse(event) } : { code };
    },
    async pending(userId, orderId) {
      const stored = await inBucket(orderBucket(userId), orderId);
      return stored?.data.userId === userId ? stored : null; // a bucket holds many users' orders
    },
    async pendingOfAnybody(orderId) {
      const buckets = Array.from({ length: ORDER_BUCKETS }, (_, bucket) => inBucket(bucket, orderId));
      return (await Promise.all(buckets)).find((stored) => stored !== null) ?? null;
    },
    async noteCancel(userId, orderId, { by, at }) {
      const key = cancelKey(userId, orderId);
      const first = await redis.set(key, `${by} ${at}`, "EX", IDEMPOTENCY_TTL_S, "NX", "GET").catch(rethrow);
      const [who, when] = first?.split(" ") ?? [];
      return who === undefined ? { by, at } : { by: who as CancelRequest["by"], at: Number(when) };
    },
  };
}
