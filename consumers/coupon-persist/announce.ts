import { type CouponIssued, type CouponIssueFailed, derivedEventId } from "../../contracts/events.ts";
import type { ResultCode } from "../../contracts/result-codes.ts";
import type { Topic } from "../../contracts/topics.ts";
import type { OutgoingRecord } from "../../kafka/kafka.ts";
import type { Claim } from "./outcome.ts";

const TOPIC: Topic = "coupon-events";

/** Results derive everything from the claim, so that a redelivery repeats them to the letter (but for occurredAt). */
function envelope(claim: Claim, type: string) {
  return {
    eventId: derivedEventId(claim.requestId, type),
    version: 1 as const,
    aggregateId: claim.couponId,
    // A claim ends once, either way: one stream, one event.
    stream: `${claim.requestId}/PERSIST`,
    sequence: 1,
    occurredAt: new Date().toISOString(),
    correlationId: claim.requestId,
    causationId: claim.requestId,
  };
}

/** PostgreSQL holds the claim (for an alias: the coupon of its user) at this slot. */
export function issuedRecord(claim: Claim, slot: number, issuedAt: Date): OutgoingRecord {
  const { couponId, userId, requestId } = claim;
  const event: CouponIssued = {
    ...envelope(claim, "CouponIssued"),
    type: "CouponIssued",
    data: { couponId, userId, requestId, slot, issuedAt: issuedAt.toISOString() },
  };
  return { topic: TOPIC, key: couponId, value: JSON.stringify(event) };
}

/** The claim was given up; its tombstone is committed. */
export function failedRecord(claim: Claim, reason: ResultCode): OutgoingRecord {
  const { couponId, userId, requestId } = claim;
  const event: CouponIssueFailed = {
    ...envelope(claim, "CouponIssueFailed"),
    type: "CouponIssueFailed",
    data: { couponId, userId, requestId, reason },
  };
  return { topic: TOPIC, key: couponId, value: JSON.stringify(event) };
}
