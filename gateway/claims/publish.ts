import type { CouponClaimed } from "../../contracts/claims/events.ts";
import type { Durability } from "../../contracts/claims/http.ts";
import { KafkaError, type OutgoingRecord, type Producer } from "../../kafka/kafka.ts";
import type { AckBreaker } from "./breaker.ts";

export type ClaimToPublish = CouponClaimed["data"];

/** Produces an accepted claim and resolves to its durability when the answer must be sent. Never rejects. */
export type Publish = (claim: ClaimToPublish, traceparent: string | undefined) => Promise<Durability>;

/** The limit of records that wait in the client while reports are late; claims beyond it are in the ledger alone. */
const MAX_QUEUED_WHILE_LATE = 10_000;

/** The record of a claim. Its eventId is its request id: one claim, one event, however often it is sent. */
export function claimRecord(claim: ClaimToPublish, occurredAt: Date): string {
  const event: CouponClaimed = {
    eventId: claim.requestId,
    type: "CouponClaimed",
    version: 1,
    aggregateId: claim.couponId,
    stream: claim.requestId,
    sequence: 1,
    occurredAt: occurredAt.toISOString(),
    correlationId: claim.requestId,
    causationId: null,
    data: claim,
  };
  return JSON.stringify(event);
}

/** Produces a record and resolves to its durability when the answer must be sent. Never rejects. */
export type PublishRecord = (record: OutgoingRecord, traceparent: string | undefined) => Promise<Durability>;

/**
 * Produces a record that is in a ledger as well, and waits at most `ackMs` for the delivery report. An unknown outcome is no
 * failure: the relay delivers records that Kafka does not.
 */
export function createDeliver(
  producer: Producer,
  breaker: AckBreaker,
  ackMs: number,
  onError: (error: unknown) => void,
): PublishRecord {
  return async (record, traceparent) => {
    const waits = breaker.shouldWait();
    if (!waits && producer.stats().queued > MAX_QUEUED_WHILE_LATE) return "ledger";
    const sentAt = performance.now();
    const traced = traceparent === undefined ? record : { ...record, headers: { traceparent } };
    const sent = producer.send(traced, { deadlineMs: waits ? ackMs : 10 * ackMs }).then(
      (): Durability => {
        if (performance.now() - sentAt <= ackMs) breaker.onTime();
        else breaker.late();
        return "kafka";
      },
      (error: unknown): Durability => {
        breaker.late();
        if (!(error instanceof KafkaError && error.retryable)) onError(error);
        return "ledger";
      },
    );
    return waits ? sent : "ledger";
  };
}

/** Produces CouponClaimed; the sale's ledger has the claim. */
export function createPublish(deliver: PublishRecord): Publish {
  return (claim, traceparent) =>
    deliver({ topic: "coupon-issue-requests", value: claimRecord(claim, new Date()) }, traceparent);
}
