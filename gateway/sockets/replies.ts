import type { CouponId, UserId } from "../../contracts/ids.ts";
import { RESULTS, type ResultCode } from "../../contracts/result-codes.ts";
import type { ServerMessage } from "../../contracts/socket-messages.ts";
import type { ClaimReply } from "../coupons/claim.ts";

type Of<Type extends ServerMessage["type"]> = Extract<ServerMessage, { type: Type }>;

/** `ref` is left out when the client gave none: JSON.stringify drops undefined members. */
type Ref = string | undefined;

export function errorText(code: ResultCode, detail?: string, ref?: Ref): string {
  const { title, retryable } = RESULTS[code];
  return JSON.stringify({ type: "error", code, detail: detail ?? title, retryable, ref });
}

export const welcomeText = (userId: UserId, cursor: string): string =>
  JSON.stringify({ type: "welcome", userId, cursor } satisfies Of<"welcome">);

export const pongText = (ref: Ref): string => JSON.stringify({ type: "pong", ref });

export const subscribedText = (couponId: string, ref: Ref): string =>
  JSON.stringify({ type: "subscribed", couponId, ref });

export const saleText = (change: "opened" | "soldout", couponId: CouponId): string =>
  JSON.stringify({ type: `sale.${change}`, couponId } satisfies Of<"sale.opened" | "sale.soldout">);

export const resumedText = (cursor: string, messages: number): string =>
  JSON.stringify({ type: "resumed", cursor, messages } satisfies Of<"resumed">);

/** What GET /me/coupons shows of a coupon, as far as a client needs it to be right again. */
export interface OwnCoupon {
  readonly couponId: CouponId;
  readonly requestId: Of<"resync">["coupons"][number]["requestId"];
  readonly slot: number;
  readonly status: string;
}

export function resyncText(cursor: string, coupons: readonly OwnCoupon[], nextCursor: string | null): string {
  const state = coupons.map(({ couponId, requestId, slot, status }) => ({ couponId, requestId, slot, status }));
  return JSON.stringify({ type: "resync", cursor, coupons: state, nextCursor } satisfies Of<"resync">);
}

/** The answer to a claim: the same members as over HTTP, without those that only make sense there. */
export function claimText(couponId: string, reply: ClaimReply, ref: Ref): string {
  if (reply.kind === "accepted") return JSON.stringify({ type: "claim.accepted", ref, ...reply.body });
  const { code, detail, retryAfterS, extra } = reply;
  const { status, title, retryable } = RESULTS[code];
  const wait = retryAfterS === undefined ? undefined : Math.max(1, Math.ceil(retryAfterS));
  const refusal = { couponId, ref, title, status, code, detail: detail ?? title, retryable, retryAfterS: wait };
  return JSON.stringify({ type: "claim.refused", ...refusal, ...extra });
}

/** A message of the inbox (the text of an object that is not empty) with its cursor. */
export const withCursor = (json: string, cursor: string): string => `${json.slice(0, -1)},"cursor":"${cursor}"}`;
