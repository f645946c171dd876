import { LRUCache } from "lru-cache";
import type { CouponIssueRequested } from "../../contracts/events.ts";
import type { CouponId, RequestId, UserId } from "../../contracts/ids.ts";
import type { ResultCode } from "../../contracts/result-codes.ts";
import { KafkaError, type Producer } from "../../kafka/kafka.ts";
import type { ClaimBatch } from "../../lua/claim-batch.ts";
import type { Winner } from "../../lua/sale-reading.ts";
import type { AckBreaker } from "./breaker.ts";

/** A queued sale's window, milliseconds since 1970. */
export type QueuedSale = Pick<ClaimBatch, "startsAt" | "endsAt">;

export interface QueueParts {
  readonly producer: Pick<Producer, "send">;
  /** Of its own: what is late here is another number. */
  readonly breaker: AckBreaker;
  /** How long a request waits for the log's acknowledgement; there is no ledger to fall back on. */
  readonly ackMs: number;
  readonly winnerOf: (couponId: CouponId, userId: UserId) => Promise<Winner | null>;
  readonly notePending: (couponId: CouponId, requestId: RequestId, userId: UserId) => Promise<void>;
  readonly onError: (error: unknown) => void;
}

export type Queued =
  | { readonly kind: "won"; readonly winner: Winner }
  | { readonly kind: "logged" }
  | { readonly kind: "refused"; readonly code: Extract<ResultCode, "NOT_STARTED" | "ENDED" | "KAFKA_UNAVAILABLE"> };

export interface Queue {
  /** The sale, if Redis has lately said that it is open and queued. */
  open(couponId: CouponId): QueuedSale | undefined;
  /** Redis says so now. */
  learn(couponId: CouponId, sale: QueuedSale): void;
  /** @throws StampedeError REDIS_UNAVAILABLE: nothing was logged */
  request(
    sale: QueuedSale,
    asked: CouponIssueRequested["data"],
    nowMs: number,
    traceparent: string | undefined,
  ): Promise<Queued>;
}

/** How long Redis' word holds: a pause, a close or a rebuild reaches a claim within this time even if its news was missed. */
const TERMS_MS = 1_000;

/** The record of a request. Its eventId is its request id, its time the broker's. */
export function requestRecord(data: CouponIssueRequested["data"], occurredAt: Date): string {
  const event: CouponIssueRequested = {
    eventId: data.requestId,
    type: "CouponIssueRequested",
    version: 1,
    aggregateId: data.couponId,
    stream: data.requestId,
    sequence: 1,
    occurredAt: occurredAt.toISOString(),
    correlationId: data.requestId,
    causationId: null,
    data,
  };
  return JSON.stringify(event);
}

/**
 * Claims of queued sales: logged under the sale's id, so that one partition holds them in the order in which they go out.
 * A PENDING answer is given only for what the log has acknowledged. While acknowledgements are late, one request at a time
 * tries; the others are refused at once.
 */
export function createQueue(parts: QueueParts): Queue {
  const { producer, breaker, ackMs, winnerOf, notePending, onError } = parts;
  const sales = new LRUCache<CouponId, QueuedSale>({ max: 1_000, ttl: TERMS_MS });
  let trying = 0;

  /** Whether the log has it. false: unknown; it may still arrive, and is then decided like any other. */
  async function log(asked: CouponIssueRequested["data"], traceparent: string | undefined): Promise<boolean> {
    if (breaker.open && trying > 0) return false;
    trying++;
    try {
      const record = {
        topic: "coupon-requests",
        key: asked.couponId,
        value: requestRecord(asked, new Date()),
        ...(traceparent === undefined ? {} : { headers: { traceparent } }),
      };
      await producer.send(record, { deadlineMs: ackMs });
      breaker.onTime();
      return true;
    } catch (error) {
      breaker.late();
      if (!(error instanceof KafkaError && error.retryable)) onError(error);
      return false;
    } finally {
      trying--;
    }
  }

  return {
    open: (couponId) => (sales.size === 0 ? undefined : sales.get(couponId)),
    learn: (couponId, { startsAt, endsAt }) => void sales.set(couponId, { startsAt, endsAt }),
    async request(sale, asked, nowMs, traceparent) {
      const { couponId, userId, requestId } = asked;
      const winner = await winnerOf(couponId, userId);
      if (winner !== null) return { kind: "won", winner };
      if (nowMs < sale.startsAt) return { kind: "refused", code: "NOT_STARTED" };
      if (nowMs >= sale.endsAt) return { kind: "refused", code: "ENDED" };
      if (!(await log(asked, traceparent))) return { kind: "refused", code: "KAFKA_UNAVAILABLE" };
      // The log has it, whatever becomes of the note.
      await notePending(couponId, requestId, userId).catch(onError);
      return { kind: "logged" };
    },
  };
}
