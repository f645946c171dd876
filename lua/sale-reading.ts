import type { CouponId, RequestId, UserId } from "../contracts/wire/ids.ts";
import { isResultCode, type ResultCode } from "../contracts/wire/result-codes.ts";
import type { StoredState } from "./claim-batch.ts";
import { timeAt } from "./commands.ts";
import { INBOX_GENERATION_KEY, saleKeys } from "./keys.ts";
import type { RedisConnection } from "./redis.ts";
import { rethrow } from "./redis-failure.ts";

/** A sale as Redis has it. After a restart of Redis it may be out of date until the loader fences it (about a second). */
export interface SaleSnapshot {
  readonly state: StoredState;
  readonly total: number;
  /** The highest slot that was ever given out. */
  readonly next: number;
  /** Number of freed slots, which are given out before new ones. */
  readonly freed: number;
  /** Slots that can still be won: total − next + freed. */
  readonly left: number;
  readonly winners: number;
  readonly epoch: number;
  readonly version: number;
  /** Milliseconds since 1970. */
  readonly startsAt: number;
  readonly endsAt: number;
  readonly mode: "DIRECT" | "QUEUED";
  readonly name: string;
  /** Of the server process that the sale was loaded on. */
  readonly runId: string;
}

export interface Winner {
  readonly slot: number;
  readonly requestId: RequestId;
}

export type StoredStatus =
  | { readonly status: "PENDING"; readonly userId: UserId }
  | { readonly status: "ISSUED"; readonly slot: number }
  /** `userId`: only for a request that a queued sale refused. For others, PostgreSQL's tombstone has it. */
  | { readonly status: "FAILED"; readonly reason: ResultCode; readonly userId?: UserId };

/** What Redis knows about one request of one user. */
export interface RequestFacts {
  /** null: Redis knows neither that it was persisted nor that it was given up. */
  readonly status: StoredStatus | null;
  /** The user's win in this sale, by any request. */
  readonly winner: Winner | null;
  /** In a queued sale: the user's undecided request. The log may not have it yet. */
  readonly asked?: RequestId;
  /** null: Redis has nothing of the sale. */
  readonly saleState: StoredState | null;
  readonly mode: "DIRECT" | "QUEUED";
  /** When the sale was rebuilt, milliseconds since 1970. Notes from before may be lost. 0: never. */
  readonly rebuiltAt: number;
}

/** The text of a winner's entry, `slot requestId`; null for anything else. */
export function parseWinner(text: string | null | undefined): Winner | null {
  const space = text?.indexOf(" ") ?? -1;
  if (!text || space < 1) return null;
  return { slot: Number(text.slice(0, space)), requestId: text.slice(space + 1) as RequestId };
}

/** The text of a status entry; null for anything else. */
export function parseStatus(text: string | null | undefined): StoredStatus | null {
  const [status, rest, user] = text?.split(" ") ?? [];
  if (status === "PENDING" && rest) return { status, userId: rest as UserId };
  if (status === "ISSUED" && rest) return { status, slot: Number(rest) };
  if (status === "FAILED" && rest && isResultCode(rest))
    return { status, reason: rest, ...(user ? { userId: user as UserId } : {}) };
  return null;
}

/** What visitors see of a sale in Redis. */
export type SaleCount = Pick<SaleSnapshot, "state" | "left">;

/** Two commands. null: Redis has nothing of the sale, or only a fence. @throws StampedeError REDIS_UNAVAILABLE */
export async function readCount(redis: RedisConnection, couponId: CouponId): Promise<SaleCount | null> {
  const keys = saleKeys(couponId);
  const [[state, total, next], freed] = await Promise.all([
    redis.hmget(keys.sale, "state", "total", "next"),
    redis.llen(keys.freed),
  ]).catch(rethrow);
  return total ? { state: state as StoredState, left: Number(total) - Number(next) + freed } : null;
}

/** null: Redis has nothing of the sale, or only a fence. @throws StampedeError REDIS_UNAVAILABLE */
export async function readSale(redis: RedisConnection, couponId: CouponId): Promise<SaleSnapshot | null> {
  const keys = saleKeys(couponId);
  const [fields, freed, winners] = await Promise.all([
    redis.hgetall(keys.sale),
    redis.llen(keys.freed),
    redis.hlen(keys.winners),
  ]).catch(rethrow);
  if (!fields.total) return null;
  const total = Number(fields.total);
  const next = Number(fields.next);
  return {
    state: fields.state as StoredState,
    total,
    next,
    freed,
    left: total - next + freed,
    winners,
    epoch: Number(fields.epoch),
    version: Number(fields.version),
    startsAt: Number(fields.startsAt),
    endsAt: Number(fields.endsAt),
    mode: fields.mode as SaleSnapshot["mode"],
    name: fields.name ?? "",
    runId: fields.runId ?? "",
  };
}

/** How a sale gives its coupons out; null: Redis does not hold the sale. @throws StampedeError REDIS_UNAVAILABLE */
export async function issueModeInRedis(
  redis: RedisConnection,
  couponId: CouponId,
): Promise<SaleSnapshot["mode"] | null> {
  const mode = await redis.hget(saleKeys(couponId).sale, "mode").catch(rethrow);
  return mode === "DIRECT" || mode === "QUEUED" ? mode : null;
}

/**
 * All winners, in portions. HSCAN returns every winner that exists during the whole scan at least once. It may return a winner twice,
 * and may miss winners that are added or removed meanwhile.
 * @throws StampedeError REDIS_UNAVAILABLE
 */
export async function* readWinners(
  redis: RedisConnection,
  couponId: CouponId,
  portion = 1_000,
): AsyncGenerator<(Winner & { readonly userId: UserId })[]> {
  const { winners } = saleKeys(couponId);
  let cursor = "0";
  do {
    const [next, pairs] = await redis.hscan(winners, cursor, "COUNT", portion).catch(rethrow);
    cursor = next;
    const found = [];
    for (let i = 0; i < pairs.length; i += 2) {
      const winner = parseWinner(pairs[i + 1]);
      if (winner) found.push({ userId: pairs[i] as UserId, ...winner });
    }
    if (found.length > 0) yield found;
  } while (cursor !== "0");
}

/** @throws StampedeError REDIS_UNAVAILABLE */
export async function winnerOf(redis: RedisConnection, couponId: CouponId, userId: UserId): Promise<Winner | null> {
  return parseWinner(await redis.hget(saleKeys(couponId).winners, userId).catch(rethrow));
}

/** One round trip. The caller checks whether the request belongs to the user (`winner.requestId`, PostgreSQL). */
export async function statusOf(
  redis: RedisConnection,
  couponId: CouponId,
  requestId: RequestId,
  userId: UserId,
): Promise<RequestFacts> {
  const keys = saleKeys(couponId);
  const [status, winner, asked, [state, mode, rebuiltAt]] = await Promise.all([
    redis.hget(keys.status, requestId),
    redis.hget(keys.winners, userId),
    redis.hget(keys.asked, userId),
    redis.hmget(keys.sale, "state", "mode", "rebuiltAt"),
  ]).catch(rethrow);
  return {
    status: parseStatus(status),
    winner: parseWinner(winner),
    ...(asked === null ? {} : { asked: asked.split(" ")[0] as RequestId }),
    saleState: state as StoredState | null,
    mode: mode === "QUEUED" ? mode : "DIRECT",
    rebuiltAt: Number(rebuiltAt ?? 0),
  };
}

/** Redis' clock; in a cluster, of one of its nodes. @throws StampedeError REDIS_UNAVAILABLE */
export async function redisTime(redis: RedisConnection): Promise<number> {
  return await timeAt(redis, INBOX_GENERATION_KEY).catch(rethrow);
}

/** The clock that judges the sale's claims. @throws StampedeError REDIS_UNAVAILABLE */
export async function saleTime(redis: RedisConnection, couponId: CouponId): Promise<number> {
  return await timeAt(redis, saleKeys(couponId).sale).catch(rethrow);
}
