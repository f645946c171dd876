import { type CouponIssued, type CouponIssueFailed, derivedEventId } from "../../../contracts/claims/events.ts";
import type { Topic } from "../../../contracts/topics.ts";
import type { ResultCode } from "../../../contracts/wire/result-codes.ts";
import type { OutgoingRecord } from "../../../kafka/kafka.ts";
import type { GrantedClaim } from "./outcome.ts";

const TOPIC: Topic = "coupon-events";

/** What a result needs of its claim. */
type Told = Pick<GrantedClaim, "couponId" | "userId" | "requestId">;

/**
 * Results derive everything from the claim, so that a redelivery repeats them to the letter (but for occurredAt). A claim
 * ends once, in one stream; being revoked after that is another story, in another.
 */
function envelope(claim: Told, type: string, stream: "PERSIST" | "REVOKE") {
  return {
    eventId: derivedEventId(claim.requestId, type),
    version: 1 as const,
    aggregateId: claim.couponId,
    stream: `${claim.requestId}/${stream}`,
    sequence: 1,
    occurredAt: new Date().toISOString(),
    correlationId: claim.requestId,
    causationId: claim.requestId,
  };
}

/** PostgreSQL holds the claim (for an alias: the coupon of its user) at this slot. */
export function issuedRecord(claim: Told, slot: number, issuedAt: Date): OutgoingRecord {
  const { couponId, userId, requestId } = claim;
  const event: CouponIssued = {
    ...envelope(claim, "CouponIssued", "PERSIST"),
    type: "CouponIssued",
    data: { couponId, userId, requestId, slot, issuedAt: issuedAt.toISOString() },
  };
  return { topic: TOPIC, key: couponId, value: JSON.stringify(event) };
}

/** The claim was given up (its tombstone is committed), or the request of a queued sale was refused for good. */
export function failedRecord(claim: Told, reason: ResultCode): OutgoingRecord {
  const { couponId, userId, requestId } = claim;
  const event: CouponIssueFailed = {
    ...envelope(claim, "CouponIssueFailed", reason === "REVOKED" ? "REVOKE" : "PERSIST"),
    type: "CouponIssueFailed",
    data: { couponId, userId, requestId, reason },
  };
  return { topic: TOPIC, key: couponId, value: JSON.stringify(event) };
}
