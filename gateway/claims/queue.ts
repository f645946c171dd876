import { LRUCache } from "lru-cache";
import type { CouponIssueRequested } from "../../contracts/claims/events.ts";
import type { Fault } from "../../contracts/wire/fault-points.ts";
import type { CouponId, RequestId, UserId } from "../../contracts/wire/ids.ts";
import type { ResultCode } from "../../contracts/wire/result-codes.ts";
import { KafkaError, type Producer } from "../../kafka/kafka.ts";
import type { ClaimBatch } from "../../lua/claim-batch.ts";
import type { AskOutcome } from "../../lua/pending-requests.ts";
import type { Winner } from "../../lua/sale-reading.ts";
import type { AckBreaker } from "./breaker.ts";

/** A queued sale's window, milliseconds since 1970. */
export type QueueWindow = Pick<ClaimBatch, "startsAt" | "endsAt">;

export interface QueueParts {
  readonly producer: Pick<Producer, "send">;
  /** A separate breaker, because its limit for "late" differs. */
  readonly breaker: AckBreaker;
  /** How long a request waits for the log's acknowledgement; there is no ledger to fall back on. */
  readonly ackMs: number;
  readonly ask: (couponId: CouponId, requestId: RequestId, userId: UserId, mayAsk: boolean) => Promise<AskOutcome>;
  readonly notePending: (couponId: CouponId, requestId: RequestId, userId: UserId) => Promise<void>;
  readonly fault: Fault;
  readonly onError: (error: unknown) => void;
}

export type Queued =
  | { readonly kind: "won"; readonly winner: Winner }
  /** The log has this request. `repeat`: the user has asked before, and the request is undecided. */
  | { readonly kind: "logged"; readonly requestId: RequestId; readonly repeat: boolean }
  /** The log may have this request, and it may be decided. */
  | { readonly kind: "unknown"; readonly requestId: RequestId }
  /** KAFKA_UNAVAILABLE: the log does not have it. */
  | { readonly kind: "refused"; readonly code: Extract<ResultCode, "NOT_STARTED" | "ENDED" | "KAFKA_UNAVAILABLE"> };

/** How long Redis' answer is used: a pause, a close or a rebuild takes effect within this time even if its announcement was missed. */
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
 * Claims of queued sales are logged under the sale's id, so that one partition holds them in the order in which coupons are
 * issued. A user has one undecided request. It is noted in Redis before it is logged, so a user who asks again, on this
 * gateway or another, gets the same request. If its acknowledgement is not known, it is logged again under the same id. A
 * crash at any point leaves at most a note, which the next try uses.
 * A PENDING answer is given only for what the log has acknowledged. While acknowledgements are late, one request at a time
 * tries; the others are refused at once.
 */
export class Queue {
  readonly #parts: QueueParts;
  readonly #sales = new LRUCache<CouponId, QueueWindow>({ max: 1_000, ttl: TERMS_MS });
  /** Requests under way by user: a repeat of the same user shares the answer. */
  readonly #answering = new Map<string, Promise<Queued>>();
  #trying = 0;

  constructor(parts: QueueParts) {
    this.#parts = parts;
  }

  /** The sale, if Redis recently answered that it is open and queued. */
  open(couponId: CouponId): QueueWindow | undefined {
    return this.#sales.size === 0 ? undefined : this.#sales.get(couponId);
  }

  /** Redis has just answered so. */
  learn(couponId: CouponId, { startsAt, endsAt }: QueueWindow): void {
    this.#sales.set(couponId, { startsAt, endsAt });
  }

  /** @throws StampedeError REDIS_UNAVAILABLE, OVERLOADED: nothing was logged */
  async request(
    sale: QueueWindow,
    asked: CouponIssueRequested["data"],
    nowMs: number,
    traceparent: string | undefined,
  ): Promise<Queued> {
    const who = `${asked.couponId} ${asked.userId}`;
    const running = this.#answering.get(who);
    if (running !== undefined) {
      const answer = await running;
      return answer.kind === "logged" ? { ...answer, repeat: true } : answer;
    }
    const answer = this.#noteAndLog(sale, asked, nowMs, traceparent).finally(() => this.#answering.delete(who));
    this.#answering.set(who, answer);
    return await answer;
  }

  async #noteAndLog(
    sale: QueueWindow,
    { couponId, userId, requestId: fresh }: CouponIssueRequested["data"],
    nowMs: number,
    traceparent: string | undefined,
  ): Promise<Queued> {
    const { ask, notePending, fault, onError } = this.#parts;
    const isOpen = nowMs >= sale.startsAt && nowMs < sale.endsAt;
    const asking = await ask(couponId, fresh, userId, isOpen);
    if (asking.kind === "won") return asking;
    if (asking.kind === "none") return { kind: "refused", code: nowMs < sale.startsAt ? "NOT_STARTED" : "ENDED" };
    const [requestId, repeat] = asking.kind === "asked" ? [asking.requestId, true] : [fresh, false];
    if (asking.kind === "asked" && asking.isLogged) return { kind: "logged", requestId, repeat };
    fault("queued:noted");
    const logged = await this.#log({ couponId, userId, requestId }, traceparent);
    // An earlier try of a repeated request may be in the log.
    if (logged === "not sent" && !repeat) return { kind: "refused", code: "KAFKA_UNAVAILABLE" };
    if (logged !== "acknowledged") return { kind: "unknown", requestId };
    fault("queued:logged");
    // The log has it, even if this note fails; without the note the next try logs it once more.
    await notePending(couponId, requestId, userId).catch(onError);
    return { kind: "logged", requestId, repeat };
  }

  /** Whether the log has it. "unknown": it may still arrive, and is then decided like any other. */
  async #log(
    asked: CouponIssueRequested["data"],
    traceparent: string | undefined,
  ): Promise<"acknowledged" | "unknown" | "not sent"> {
    const { producer, breaker, ackMs, onError } = this.#parts;
    if (breaker.open && this.#trying > 0) return "not sent";
    this.#trying++;
    try {
      const record = {
        topic: "coupon-requests",
        key: asked.couponId,
        value: requestRecord(asked, new Date()),
        ...(traceparent === undefined ? {} : { headers: { traceparent } }),
      };
      await producer.send(record, { deadlineMs: ackMs });
      breaker.onTime();
      return "acknowledged";
    } catch (error) {
      breaker.late();
      if (!(error instanceof KafkaError && error.retryable)) onError(error);
      return "unknown";
    } finally {
      this.#trying--;
    }
  }
}
