/**
 * The only place that builds a Redis key or channel. All keys of a sale share the hash tag `{c:<couponId>}`, all keys of a
 * user `{u:<userId>}`, so each script's keys live on one node of a cluster.
 */
import type { RankingPeriod } from "../contracts/http-catalogue.ts";
import type { CouponId, UserId } from "../contracts/ids.ts";
import type { OrderId } from "../contracts/order-ids.ts";

export interface SaleKeys {
  /** hash: state, total, next, epoch, version, startsAt, endsAt, mode, name, runId, replId, rebuiltAt, lastRedis, sha… */
  readonly sale: string;
  /** hash: userId → `slot requestId` */
  readonly winners: string;
  /** list of slots to hand out before a fresh one */
  readonly freed: string;
  /** stream of claims that PostgreSQL may not have yet: u userId, r requestId, s slot, e epoch, p pipeline (redis only) */
  readonly ledger: string;
  /** hash: requestId → `PENDING userId`, `ISSUED slot`, `FAILED reason` or (refused by decide.lua) `FAILED reason userId` */
  readonly status: string;
}

export function saleKeys(couponId: CouponId): SaleKeys {
  const tag = `{c:${couponId}}`;
  return {
    sale: `${tag}:sale`,
    winners: `${tag}:winners`,
    freed: `${tag}:freed`,
    ledger: `${tag}:ledger`,
    status: `${tag}:status`,
  };
}

/** Where one loader builds a snapshot; `token` is the loader's own, so two at once never share a shadow. */
export function shadowKeys(couponId: CouponId, token: string): { readonly winners: string; readonly freed: string } {
  const prefix = `{c:${couponId}}:load:${token}`;
  return { winners: `${prefix}:winners`, freed: `${prefix}:freed` };
}

export interface UserKeys {
  /** stream of personal messages: m JSON without cursor */
  readonly inbox: string;
  /** hash: connectionId → gatewayId */
  readonly route: string;
}

export function userKeys(userId: UserId): UserKeys {
  const tag = `{u:${userId}}`;
  return { inbox: `${tag}:inbox`, route: `${tag}:route` };
}

/** The last place in an order's stream that its owner was told of. */
export const toldKey = (userId: UserId, orderId: OrderId): string => `{u:${userId}}:told:${orderId}`;

export interface RankingKeys {
  /** sorted set: productId, scored by the pieces it sold */
  readonly ranks: string;
  /** when the sales were counted, milliseconds since 1970; there too when nothing was sold */
  readonly counted: string;
  /** there while somebody has taken it upon themselves to count */
  readonly turn: string;
}

/** A ranking as it is today; `day`, UTC, keeps yesterday's from being shown as today's. */
export function rankingKeys(period: RankingPeriod, day: string): RankingKeys {
  const prefix = `{ranking:${period === "all" ? period : `${period}:${day}`}}`;
  return { ranks: `${prefix}:ranks`, counted: `${prefix}:counted`, turn: `${prefix}:turn` };
}

/** Every change of a sale that gates must know: JSON of `SaleAnnouncement`. */
export const SALES_CHANNEL = "sales";
/** Wakes the sale loaders; the message is a couponId. */
export const SALE_LOADER_CHANNEL = "sale-loader";
/** Wakes the relays: a ledger has claims of the Redis pipeline; the message is a couponId. */
export const LEDGER_CHANNEL = "ledger";
/** Tells gateways that an operator switched the pipeline; the message is empty, PostgreSQL has the choice. */
export const PIPELINE_CHANNEL = "pipeline";
/** Wakes whoever carries out revocations (role claim-relay); the message is a requestId. */
export const REVOCATIONS_CHANNEL = "revocations";
/** Pushes for the sockets of one gateway. */
export const gatewayChannel = (gatewayId: string): string => `gw:${gatewayId}`;
