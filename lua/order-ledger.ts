import type { OrderCreated } from "../contracts/orders/events.ts";
import { isOrderId, type OrderId } from "../contracts/orders/ids.ts";
import { isUserId, type UserId } from "../contracts/wire/ids.ts";
import { commandAt } from "./commands.ts";
import {
  cartOrdersKey,
  ORDER_BUCKETS,
  openOrdersKey,
  orderBucket,
  orderLedgerKey,
  pendingOrderKey,
  placedKey,
} from "./keys.ts";
import type { LedgerRange } from "./ledger.ts";
import { LedgerAges } from "./ledger-ages.ts";
import acknowledgeText from "./order-acknowledge.lua" with { type: "text" };
import { PortableScript } from "./portable-script.ts";
import type { RedisConnection } from "./redis.ts";
import { rethrow } from "./redis-failure.ts";

/** An order that was answered 202 and that PostgreSQL may not have. */
export interface OrderLedgerEntry {
  readonly ledgerId: string;
  readonly orderId: OrderId;
  readonly userId: UserId;
  readonly created: OrderCreated;
}

export interface OrderPage {
  readonly entries: readonly OrderLedgerEntry[];
  /** Entries that are no orders. They are never deleted. */
  readonly malformed: readonly string[];
  /** Pass as `after` to read on; null when there is nothing older than asked for. */
  readonly next: string | null;
}

/**
 * Reads the oldest entries of a bucket's ledger, without removing them.
 * @param ages what the same reader has seen before; without it, entries with ids in the future of Redis' clock count as young
 * @throws StampedeError REDIS_UNAVAILABLE
 */
export async function readOrderLedger(
  redis: RedisConnection,
  bucket: number,
  range: LedgerRange,
  ages: LedgerAges = new LedgerAges(),
): Promise<OrderPage> {
  const ledger = orderLedgerKey(bucket);
  const from = range.after === undefined ? "-" : `(${range.after}`;
  const [time, found] = await Promise.all([
    commandAt(redis, ledger, "time") as Promise<[string, string]>,
    redis.xrange(ledger, from, "+", "COUNT", range.count),
  ]).catch(rethrow);
  const redisMs = Number(time[0]) * 1_000 + Math.floor(Number(time[1]) / 1_000);
  const ids = found.map(([id]) => id);
  const old = found.slice(0, ages.oldest(ledger, ids, redisMs, range.olderThanMs));
  const entries: OrderLedgerEntry[] = [];
  const malformed: string[] = [];
  for (const [ledgerId, fields] of old) {
    const entry = parseOrderEntry(ledgerId, fields);
    // An order of another bucket was written by hand. Its other keys are in another hash slot, which a script of this bucket cannot use.
    if (entry === null || orderBucket(entry.userId) !== bucket) malformed.push(ledgerId);
    else entries.push(entry);
  }
  return { entries, malformed, next: old.length === range.count ? old.at(-1)![0] : null };
}

/** null if these are not the fields of an order. */
export function parseOrderEntry(ledgerId: string, fields: readonly string[]): OrderLedgerEntry | null {
  const values: Record<string, string> = {};
  for (let i = 0; i + 1 < fields.length; i += 2) values[fields[i]!] = fields[i + 1]!;
  const { o: orderId = "", u: userId = "", e: event = "" } = values;
  if (!isOrderId(orderId) || !isUserId(userId)) return null;
  try {
    const created: OrderCreated = JSON.parse(event);
    const { type, data } = created;
    return type === "OrderCreated" && data.orderId === orderId && data.userId === userId
      ? { ledgerId, orderId, userId, created }
      : null;
  } catch {
    return null; // cut off, or written by hand
  }
}

/** Entries of a bucket's ledger. @throws StampedeError REDIS_UNAVAILABLE */
export function orderLedgerLength(redis: RedisConnection, bucket: number): Promise<number> {
  return redis.xlen(orderLedgerKey(bucket)).catch(rethrow);
}

/** Entries of every bucket's ledger. @throws StampedeError REDIS_UNAVAILABLE, also if only one bucket does not answer */
export function orderLedgerLengths(redis: RedisConnection): Promise<number[]> {
  return Promise.all(Array.from({ length: ORDER_BUCKETS }, (_, bucket) => orderLedgerLength(redis, bucket)));
}

/**
 * Seconds that an Idempotency-Key stays after its order has left the ledger: longer than any request takes that read PostgreSQL
 * before it had the order. After that only PostgreSQL has the key.
 */
export const KEY_LINGERS_S = 60;

/** Removes orders that PostgreSQL has from their ledger. @throws StampedeError REDIS_UNAVAILABLE */
export function createAcknowledgeOrders(redis: RedisConnection) {
  const script = new PortableScript(acknowledgeText);
  return async (bucket: number, entries: readonly OrderLedgerEntry[]): Promise<number> => {
    const keys = entries.flatMap(({ orderId, userId, created }) => [
      pendingOrderKey(bucket, orderId),
      placedKey(userId, created.data.idempotencyKey),
      openOrdersKey(userId),
      cartOrdersKey(userId),
    ]);
    const ids = entries.flatMap(({ ledgerId, orderId }) => [ledgerId, orderId]);
    return (await script.run(redis, [orderLedgerKey(bucket), ...keys], [String(KEY_LINGERS_S), ...ids])) as number;
  };
}
