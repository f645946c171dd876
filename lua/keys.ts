/**
 * The only place that builds a Redis key or channel. All keys of a sale share the hash tag `{c:<couponId>}`, all keys of a
 * user `{u:<userId>}`, all of the orders of a bucket of users `{o:<bucket>}`, so each script's keys live on one node of a cluster.
 */

import type { OrderId } from "../contracts/orders/ids.ts";
import type { RankingPeriod } from "../contracts/shop/http-catalogue.ts";
import type { CouponId, UserId } from "../contracts/wire/ids.ts";

export interface SaleKeys {
  /** hash: state, total, next, epoch, version, startsAt, endsAt, mode, name, runId, replId, rebuiltAt, lastRedis, sha… */
  readonly sale: string;
  /** hash: userId → `slot requestId` */
  readonly winners: string;
  /** list of freed slots, which are given out before new ones */
  readonly freed: string;
  /** stream of claims that PostgreSQL may not have yet: u userId, r requestId, s slot, e epoch, p pipeline (redis only) */
  readonly ledger: string;
  /** hash: requestId → `PENDING userId`, `ISSUED slot`, `FAILED reason` or (refused by decide.lua) `FAILED reason userId` */
  readonly status: string;
  /** hash, of a queued sale: userId → their undecided request, `requestId`, or `requestId milliseconds` once the log has it */
  readonly asked: string;
}

export function saleKeys(couponId: CouponId): SaleKeys {
  const tag = `{c:${couponId}}`;
  return {
    sale: `${tag}:sale`,
    winners: `${tag}:winners`,
    freed: `${tag}:freed`,
    ledger: `${tag}:ledger`,
    status: `${tag}:status`,
    asked: `${tag}:asked`,
  };
}

/** Temporary keys of one load. `token` is random, so that two loaders never share them. */
export function shadowKeys(couponId: CouponId, token: string): { readonly winners: string; readonly freed: string } {
  const prefix = `{c:${couponId}}:load:${token}`;
  return { winners: `${prefix}:winners`, freed: `${prefix}:freed` };
}

export interface UserKeys {
  /** stream of personal messages: m JSON without cursor, e eventId, and of a stage of an order: o orderId, q sequence */
  readonly inbox: string;
  /** hash: connectionId → gatewayId */
  readonly route: string;
}

export function userKeys(userId: UserId): UserKeys {
  const tag = `{u:${userId}}`;
  return { inbox: `${tag}:inbox`, route: `${tag}:route` };
}

/** string: eight characters that change when all keys were lost; part of the positions of empty inboxes */
export const INBOX_GENERATION_KEY = "inbox:generation";

/** Number of order ledgers. Never change it: orders would be searched in the wrong ledger. */
export const ORDER_BUCKETS = 64;

/** The bucket of a user's orders: FNV-1a of the id, so that any process and any release finds the same. */
export function orderBucket(userId: UserId): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < userId.length; i++) hash = Math.imul(hash ^ userId.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % ORDER_BUCKETS;
}

/** stream of orders that PostgreSQL may not have yet: o orderId, u userId, e OrderCreated as JSON */
export const orderLedgerKey = (bucket: number): string => `{o:${bucket}}:ledger`;

/** string: the ledger id of an order that PostgreSQL may not have yet */
export const pendingOrderKey = (bucket: number, orderId: OrderId): string => `{o:${bucket}}:order:${orderId}`;

/** string: the orderId of a user's Idempotency-Key, until PostgreSQL has the order. User ids contain no space, so two pairs never share a key. */
export const placedKey = (userId: UserId, idempotencyKey: string): string =>
  `{o:${orderBucket(userId)}}:key:${userId} ${idempotencyKey}`;

/** sorted set: `orderId ledgerId` of a user's orders that PostgreSQL may not have yet, scored by when they were placed */
export const openOrdersKey = (userId: UserId): string => `{o:${orderBucket(userId)}}:open:${userId}`;

/** hash: orderId → `productId quantity …`, what orders from the cart remove from it; n: how many such orders there have been */
export const cartOrdersKey = (userId: UserId): string => `{o:${orderBucket(userId)}}:cart:${userId}`;

/** string: `USER time` or `OPERATOR time`, who first asked to cancel the order */
export const cancelKey = (userId: UserId, orderId: OrderId): string => `{o:${orderBucket(userId)}}:cancel:${orderId}`;

/** string: how long orders take at present (settle-times.ts) */
export const SETTLE_TIMES_KEY = "orders:settle-times";

/**
 * Admission of flash products. One hash tag for all of them: an order takes all of its lines or none, which only one
 * script on one node can promise.
 */
export const ADMISSION_KEYS = {
  /** hash: productId → PostgreSQL's stock at the last look of role admission; absent: not loaded, every order is admitted */
  stock: "{flash}:stock",
  /** hash: productId → pieces that held orders will take out of that stock */
  taken: "{flash}:taken",
  /** hash: orderId → `time userId productId quantity productId quantity …` */
  held: "{flash}:held",
} as const;

export interface RankingKeys {
  /** sorted set: productId, scored by the pieces it sold */
  readonly ranks: string;
  /** when the sales were counted, milliseconds since 1970; also set if nothing was sold */
  readonly counted: string;
  /** exists while a gateway counts */
  readonly turn: string;
}

/** A ranking as it is today; `day`, UTC, keeps yesterday's from being shown as today's. */
export function rankingKeys(period: RankingPeriod, day: string): RankingKeys {
  const prefix = `{ranking:${period === "all" ? period : `${period}:${day}`}}`;
  return { ranks: `${prefix}:ranks`, counted: `${prefix}:counted`, turn: `${prefix}:turn` };
}

/** The id of a product that an operator has changed. Gateways that remember its price read it again. */
export const PRODUCTS_CHANNEL = "products";
/** Every change of a sale that gates must know: JSON of `SaleAnnouncement`. */
export const SALES_CHANNEL = "sales";
/** Wakes the sale loaders; the message is a couponId. */
export const SALE_LOADER_CHANNEL = "sale-loader";
/** Wakes the relays: a ledger has claims of the Redis pipeline; the message is a couponId. */
export const LEDGER_CHANNEL = "ledger";
/** Tells gateways that an operator switched the pipeline; the message is empty, PostgreSQL has the choice. */
export const PIPELINE_CHANNEL = "pipeline";
/** Tells gateways that an operator blocked or unblocked a user or a token; the message is empty, PostgreSQL has the blocks. */
export const BLOCKS_CHANNEL = "blocks";
/** Wakes role claim-relay, which carries out revocations; the message is a requestId. */
export const REVOCATIONS_CHANNEL = "revocations";
/** Pushes for the sockets of one gateway. */
export const gatewayChannel = (gatewayId: string): string => `gw:${gatewayId}`;
