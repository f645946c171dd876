import type { MyCoupon, Sale } from "../../contracts/claims/http.ts";
import type { OrderSummary } from "../../contracts/orders/http.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { CouponId, UserId } from "../../contracts/wire/ids.ts";
import { RESULTS, type ResultCode } from "../../contracts/wire/result-codes.ts";
import type { ServerMessage } from "../../contracts/wire/socket-messages.ts";
import type { ClaimReply } from "../claims/claim.ts";

type Of<Type extends ServerMessage["type"]> = Extract<ServerMessage, { type: Type }>;

/** `ref` is left out when the client gave none: JSON.stringify drops undefined members. */
type Ref = string | undefined;

export function errorText(code: ResultCode, detail?: string, ref?: Ref): string {
  const { title, retryable } = RESULTS[code];
  return JSON.stringify({ type: "error", code, detail: detail ?? title, retryable, ref });
}

/** Whether the client may see an error's message. Messages of INTERNAL and of other errors are for the log only. */
export const isTold = (error: unknown): error is StampedeError =>
  error instanceof StampedeError && error.code !== "INTERNAL";

/** The error message for an error that was thrown. */
export const failureText = (error: unknown, ref?: Ref): string =>
  isTold(error) ? errorText(error.code, error.message, ref) : errorText("INTERNAL", undefined, ref);

export const welcomeText = (userId: UserId, cursor: string, nowMs: number): string =>
  JSON.stringify({ type: "welcome", userId, cursor, now: new Date(nowMs).toISOString() } satisfies Of<"welcome">);

export const pongText = (ref: Ref): string => JSON.stringify({ type: "pong", ref });

export const subscribedText = (couponId: string, ref: Ref): string =>
  JSON.stringify({ type: "subscribed", couponId, ref });

export const saleText = (change: "opened" | "soldout", couponId: CouponId): string =>
  JSON.stringify({ type: `sale.${change}`, couponId } satisfies Of<"sale.opened" | "sale.soldout">);

export const saleChangedText = ({ couponId, state, remaining, startsAt, endsAt }: Sale): string =>
  JSON.stringify({ type: "sale.changed", couponId, state, remaining, startsAt, endsAt } satisfies Of<"sale.changed">);

export const resumedText = (cursor: string, messages: number): string =>
  JSON.stringify({ type: "resumed", cursor, messages } satisfies Of<"resumed">);

/** The members of GET /me/coupons that a client needs after a `resync`. */
export type OwnCoupon = Pick<MyCoupon, "couponId" | "requestId" | "slot"> & { readonly status: string };
/** The same for GET /me/orders. */
export type OwnOrder = Pick<OrderSummary, "orderId" | "orderNumber" | "status" | "failureReason">;

export interface OwnPage<Item> {
  readonly items: readonly Item[];
  readonly nextCursor: string | null;
}

export function resyncText(cursor: string, coupons: OwnPage<OwnCoupon>, orders: OwnPage<OwnOrder>): string {
  const message: Of<"resync"> = {
    type: "resync",
    cursor,
    coupons: coupons.items.map(({ couponId, requestId, slot, status }) => ({ couponId, requestId, slot, status })),
    nextCursor: coupons.nextCursor,
    orders: orders.items.map(({ orderId, orderNumber, status, failureReason }) => ({
      orderId,
      orderNumber,
      status,
      ...(failureReason === undefined ? {} : { reason: failureReason }),
    })),
    nextOrderCursor: orders.nextCursor,
  };
  return JSON.stringify(message);
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
