import { type Static, Type } from "@sinclair/typebox";
import { event, Timestamp } from "./envelope.ts";
import { CouponIdSchema, RequestIdSchema, UserIdSchema } from "./ids.ts";
import { ORDER_EVENTS, type OrderEvent } from "./order-events.ts";
import type { ResultCode } from "./result-codes.ts";
import { STEP_EVENTS, type StepEvent } from "./step-events.ts";

export { derivedEventId } from "./envelope.ts";

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

/** A claim that PostgreSQL holds: topic coupon-events. */
export const CouponIssued = event(
  "CouponIssued",
  Type.Object({ ...ClaimData, slot: Type.Integer({ minimum: 1 }), issuedAt: Timestamp }),
);
export type CouponIssued = Static<typeof CouponIssued>;

/** A claim that was given up: topic coupon-events. */
export const CouponIssueFailed = event(
  "CouponIssueFailed",
  Type.Object({ ...ClaimData, reason: Type.Unsafe<ResultCode>(Type.String()), why: Type.Optional(Type.String()) }),
);
export type CouponIssueFailed = Static<typeof CouponIssueFailed>;

export const EVENTS = { CouponClaimed, CouponIssued, CouponIssueFailed, ...ORDER_EVENTS, ...STEP_EVENTS } as const;
export type StampedeEvent = CouponClaimed | CouponIssued | CouponIssueFailed | OrderEvent | StepEvent;
export type EventType = StampedeEvent["type"];
