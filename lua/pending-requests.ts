import { StampedeError } from "../contracts/wire/errors.ts";
import type { CouponId, RequestId, UserId } from "../contracts/wire/ids.ts";
import { saleKeys } from "./keys.ts";
import noteLoggedText from "./note-logged-request.lua" with { type: "text" };
import noteRequestText from "./note-request.lua" with { type: "text" };
import { PortableScript } from "./portable-script.ts";
import type { RedisConnection } from "./redis.ts";
import { rethrow } from "./redis-failure.ts";
import { parseStatus, parseWinner, type Winner } from "./sale-reading.ts";
import { STATUS_TTL_S } from "./sale-scripts.ts";
import { withIncludes } from "./script-includes.ts";

/** Milliseconds after which a waiting request is logged once more if its user asks again. Topic coupon-requests keeps a week. */
const LOG_AGAIN_MS = 24 * 3_600_000;

/**
 * What Redis knows of a user who asks for a coupon of a queued sale.
 * - won: the user holds a coupon.
 * - noted: the request is new. The caller writes it to the log.
 * - asked: an earlier request is undecided. isLogged false: the log may not have it, so the caller writes it again.
 * - none: the user has nothing, and no request may be noted now.
 */
export type AskOutcome =
  | { readonly kind: "won"; readonly winner: Winner }
  | { readonly kind: "noted" | "none" }
  | { readonly kind: "asked"; readonly requestId: RequestId; readonly isLogged: boolean };

const noteRequestScript = new PortableScript(withIncludes(noteRequestText));
const noteLoggedScript = new PortableScript(noteLoggedText);

function keysOf(couponId: CouponId): readonly string[] {
  const keys = saleKeys(couponId);
  return [keys.winners, keys.status, keys.asked, keys.sale];
}

/**
 * Notes a request of a queued sale before it is written to the log. `mayAsk` false: only reads.
 * @throws StampedeError REDIS_UNAVAILABLE, OVERLOADED: it may have been noted, and is found by asking again;
 *   SALE_RECOVERING: the user's win cannot be read, and nothing was noted
 */
export async function noteAsking(
  redis: RedisConnection,
  couponId: CouponId,
  requestId: RequestId,
  userId: UserId,
  mayAsk: boolean,
): Promise<AskOutcome> {
  const args = [userId, requestId, String(STATUS_TTL_S), mayAsk ? "1" : "0", String(LOG_AGAIN_MS)];
  const reply = (await noteRequestScript.run(redis, keysOf(couponId), args)) as string;
  const space = reply.indexOf(" ");
  const [word, rest] = space < 0 ? [reply, ""] : [reply.slice(0, space), reply.slice(space + 1)];
  switch (word) {
    case "won":
      return { kind: "won", winner: parseWinner(rest)! };
    case "broken":
      throw new StampedeError("SALE_RECOVERING", "A win was overwritten; the sale is about to be rebuilt");
    case "logged":
    case "unlogged":
      return { kind: "asked", requestId: rest as RequestId, isLogged: word === "logged" };
    default:
      return { kind: word === "noted" ? "noted" : "none" };
  }
}

/**
 * Notes that the log has a request of a queued sale, which now waits for its turn. A request that was decided already keeps its
 * status. @throws StampedeError REDIS_UNAVAILABLE
 */
export async function notePending(
  redis: RedisConnection,
  couponId: CouponId,
  requestId: RequestId,
  userId: UserId,
): Promise<void> {
  await noteLoggedScript.run(redis, keysOf(couponId), [userId, requestId, String(STATUS_TTL_S), `PENDING ${userId}`]);
}

/** The user of an undecided request; null: Redis has noted no such request. @throws StampedeError REDIS_UNAVAILABLE */
export async function findPending(
  redis: RedisConnection,
  couponId: CouponId,
  requestId: RequestId,
): Promise<{ readonly userId: UserId; readonly slot: null } | null> {
  const status = parseStatus(await redis.hget(saleKeys(couponId).status, requestId).catch(rethrow));
  return status?.status === "PENDING" ? { userId: status.userId, slot: null } : null;
}
