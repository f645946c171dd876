import { createHash } from "node:crypto";
import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { CouponIdSchema, RequestIdSchema, UserIdSchema } from "./ids.ts";
import type { ResultCode } from "./result-codes.ts";

const Timestamp = Type.String({ format: "date-time" });

/** The envelope every record's value carries (JSON). */
function event<Name extends string, Data extends TSchema>(type: Name, data: Data) {
  return Type.Object({
    eventId: Type.String({ description: "Unique; of a result derived from its cause, so a redelivery repeats it" }),
    type: Type.Literal(type),
    version: Type.Literal(1),
    aggregateId: Type.String(),
    stream: Type.String({ description: "The producer's own stream; `sequence` counts in it, so a gap means loss" }),
    sequence: Type.Integer({ minimum: 1 }),
    occurredAt: Timestamp,
    correlationId: Type.String(),
    causationId: Type.Union([Type.String(), Type.Null()]),
    data,
  });
}

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

export const EVENTS = { CouponClaimed, CouponIssued, CouponIssueFailed } as const;
export type StampedeEvent = CouponClaimed | CouponIssued | CouponIssueFailed;

const NAMESPACE = Buffer.from("8f5e0e6c1f6b4d1c9d0a53d1a3b0c7e2", "hex");

/** UUIDv5 (RFC 9562 §5.5) of a cause and a role: the same cause always yields the same event id. */
export function derivedEventId(cause: string, what: string): string {
  const hash = createHash("sha1").update(NAMESPACE).update(`${what}:${cause}`).digest();
  hash[6] = (hash[6]! & 0x0f) | 0x50;
  hash[8] = (hash[8]! & 0x3f) | 0x80;
  const hex = hash.toString("hex", 0, 16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
