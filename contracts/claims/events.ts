import { type Static, Type } from "@sinclair/typebox";
import { ORDER_EVENTS, type OrderEvent } from "../orders/events.ts";
import { STEP_EVENTS, type StepEvent } from "../orders/step-events.ts";
import { Timestamp } from "../wire/date-time.ts";
import { event } from "../wire/envelope.ts";
import { CouponIdSchema, RequestIdSchema, UserIdSchema } from "../wire/ids.ts";
import type { ResultCode } from "../wire/result-codes.ts";

export { derivedEventId } from "../wire/envelope.ts";

const ClaimData = {
  couponId: CouponIdSchema,
  userId: UserIdSchema,
  requestId: RequestIdSchema,
};

/** A claim that Redis granted: topic coupon-issue-requests. Its eventId is its requestId: one claim, one event. */
export const CouponClaimed = event(
  "CouponClaimed",
  Type.Object({
    ...ClaimData,
    slot: Type.Integer({ minimum: 1 }),
    epoch: Type.Integer({ minimum: 1 }),
    ledgerId: Type.String({ description: "The claim's entry in the sale's ledger stream" }),
  }),
);
export type CouponClaimed = Static<typeof CouponClaimed>;

/**
 * A user asked for a coupon of a queued sale: topic coupon-requests, key couponId. The order of these records is the
 * order in which coupons are issued; the broker's LogAppendTime is the time of the request. Its eventId is its requestId.
 */
export const CouponIssueRequested = event("CouponIssueRequested", Type.Object(ClaimData));
export type CouponIssueRequested = Static<typeof CouponIssueRequested>;

/** A claim that PostgreSQL holds: topic coupon-events. */
export const CouponIssued = event(
  "CouponIssued",
  Type.Object({ ...ClaimData, slot: Type.Integer({ minimum: 1 }), issuedAt: Timestamp }),
);
export type CouponIssued = Static<typeof CouponIssued>;

/** A claim that was given up, or a request of a queued sale that was refused: topic coupon-events. */
export const CouponIssueFailed = event(
  "CouponIssueFailed",
  Type.Object({ ...ClaimData, reason: Type.Unsafe<ResultCode>(Type.String()), why: Type.Optional(Type.String()) }),
);
export type CouponIssueFailed = Static<typeof CouponIssueFailed>;

export const EVENTS = {
  CouponIssueRequested,
  CouponClaimed,
  CouponIssued,
  CouponIssueFailed,
  ...ORDER_EVENTS,
  ...STEP_EVENTS,
} as const;
export type StampedeEvent =
  | CouponIssueRequested
  | CouponClaimed
  | CouponIssued
  | CouponIssueFailed
  | OrderEvent
  | StepEvent;
export type EventType = StampedeEvent["type"];
