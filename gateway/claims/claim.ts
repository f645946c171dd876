import type { ClaimAccepted, ClaimPending, Durability } from "../../contracts/claims/http.ts";
import type { Pipeline } from "../../contracts/claims/pipeline.ts";
import type { ClaimRefusal } from "../../contracts/claims/refusals.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { Fault } from "../../contracts/wire/fault-points.ts";
import { type CouponId, isCouponId, newRequestId, type RequestId, type UserId } from "../../contracts/wire/ids.ts";
import type { ClaimResult } from "../../lua/claim-batch.ts";
import { USER_TOKENS } from "../admission/costs.ts";
import type { RateLimits } from "../admission/rate-limits.ts";
import { retryAfterS } from "../admission/refused.ts";
import { comeBack, REDIS_AWAY_MS } from "../sales/opening-time.ts";
import type { WhyNotLoaded } from "../sales/why-not-loaded.ts";
import type { AckBreaker } from "./breaker.ts";
import type { ClaimDecision, Decide } from "./decide.ts";
import type { IssueModeOf } from "./issue-modes.ts";
import type { PastWin } from "./past-wins.ts";
import type { Publish } from "./publish.ts";
import type { Queue, QueueWindow } from "./queue.ts";
import type { Receipts } from "./receipt.ts";

/** A claim's answer, before it becomes HTTP or a socket message. */
export type ClaimReply =
  | { readonly kind: "accepted"; readonly body: ClaimAccepted | ClaimPending }
  | {
      readonly kind: "refused";
      readonly code: ClaimRefusal;
      readonly detail?: string;
      readonly retryAfterS?: number;
      readonly extra?: Readonly<Record<string, unknown>>;
    };

export type ClaimForUser = (userId: UserId, couponId: string, traceparent?: string | undefined) => Promise<ClaimReply>;

export interface ClaimParts {
  readonly decide: Decide;
  readonly publish: Publish;
  /** The pipeline of a user's claims. */
  readonly pipelineOf: (userId: UserId) => Pipeline;
  /** Called for every claim of the Redis pipeline: only the relay delivers it. */
  readonly wakeRelay: (couponId: CouponId) => void;
  /** Called for every accepted claim except repeats. */
  readonly accepted: (pipeline: Pipeline) => void;
  readonly queue: Queue;
  readonly breaker: AckBreaker;
  readonly receipts: Receipts;
  readonly limits: Pick<RateLimits, "userWait">;
  readonly whyNotLoaded: WhyNotLoaded;
  readonly pastWin: PastWin;
  readonly issueModeOf: IssueModeOf;
  readonly maxInFlight: number;
  /** 503 instead of `durable:"ledger"`. */
  readonly requireKafka: boolean;
  /**
   * MESSAGE_TIMEOUT_MS: a recovery waits this long for claims that gateways have in hand. If an answer is older and rests on
   * the ledger alone, this process stood still, and Redis may have lost the claim meanwhile.
   */
  readonly ledgerWordMs: number;
  readonly fault: Fault;
  /** Called with the duration of each claim that was not refused by rate or load. */
  readonly observe: (seconds: number) => void;
  readonly onError: (error: unknown) => void;
}

type AcceptedResult = Extract<ClaimResult, { readonly code: "ACCEPTED" }>;

interface Win {
  readonly userId: UserId;
  readonly couponId: CouponId;
  readonly requestId: RequestId;
  readonly slot: number;
}

/** A win, and whether the user was told of it before. */
interface Won extends Win {
  readonly repeat: boolean;
}

/** A valid stream id that no entry has. A repeat does not know the id of its ledger entry; the relay removes that entry. */
const UNKNOWN_LEDGER_ID = "0-0";

const refused = (code: ClaimRefusal): ClaimReply => ({ kind: "refused", code });
/** The claim is in the ledger, or may be in the log, so it may be issued. A repeat needs no key: user and coupon are the key. */
const unacknowledged = (requestId: RequestId): ClaimReply => ({
  kind: "refused",
  code: "OUTCOME_UNKNOWN",
  detail:
    "Kafka did not acknowledge the claim in time: the outcome is unknown, it may be issued; claiming again is the same claim",
  extra: { trackingUrl: `/coupons/requests/${requestId}` },
});
const recovering = (opensInMs: number): ClaimReply => ({
  kind: "refused",
  code: "SALE_RECOVERING",
  ...comeBack(opensInMs),
});

function accepted(won: Won, durable: Durability, receipt: string): ClaimReply {
  const { couponId, requestId, slot } = won;
  const body: ClaimAccepted = { requestId, couponId, slot, status: "ACCEPTED", durable, receipt };
  return { kind: "accepted", body: won.repeat ? { ...body, repeat: true } : body };
}

function notStarted(startsAtMs: number): ClaimReply {
  const startsAt = new Date(startsAtMs).toISOString();
  const retryAfterS = (startsAtMs - Date.now()) / 1000;
  return {
    kind: "refused",
    code: "NOT_STARTED",
    detail: `The sale starts at ${startsAt}`,
    retryAfterS,
    extra: { startsAt },
  };
}

/** The claim path behind the gate: rate limit, Redis' decision, the log, the answer. */
export class ClaimPath {
  readonly #parts: ClaimParts;
  #inFlight = 0;

  constructor(parts: ClaimParts) {
    this.#parts = parts;
  }

  /** Claims that are not answered yet. */
  inFlight(): number {
    return this.#inFlight;
  }

  /** Decides a claim. Bound, because the claim endpoint and the sockets call it as a function. */
  readonly claimForUser: ClaimForUser = async (userId, couponId, traceparent) => {
    const { decide, queue, breaker, limits, pipelineOf, maxInFlight, requireKafka } = this.#parts;
    if (!isCouponId(couponId)) return refused("COUPON_NOT_FOUND");
    const wait = limits.userWait(userId, USER_TOKENS.claim);
    if (wait > 0) return { kind: "refused", code: "RATE_LIMITED", retryAfterS: retryAfterS(wait) };
    if (this.#inFlight >= maxInFlight) return refused("OVERLOADED");
    // CLAIM_REQUIRE_KAFKA allows no answer from the ledger, so a claim that Kafka will not confirm must not take a slot.
    if (requireKafka && breaker.open && this.#inFlight > 0) return refused("KAFKA_UNAVAILABLE");
    this.#inFlight++;
    const startedAt = performance.now();
    try {
      const requestId = newRequestId(couponId, Date.now());
      const queued = queue.open(couponId);
      if (queued !== undefined) return await this.#enqueue(userId, couponId, requestId, queued, traceparent);
      const pipeline = pipelineOf(userId);
      const decision = await decide(couponId, userId, requestId, pipeline);
      const reply = await this.#answer(userId, couponId, requestId, decision, pipeline, traceparent);
      const onLedgerAlone = reply.kind === "accepted" && reply.body.durable === "ledger";
      // Answered as if Redis had not answered: if the claim still stands, a repeat finds the win.
      const isStale = onLedgerAlone && performance.now() - startedAt > this.#parts.ledgerWordMs;
      return isStale ? recovering(REDIS_AWAY_MS) : reply;
    } catch (error) {
      // Refused before anything was written: Redis is full, or too many requests are about sales of the past.
      if (error instanceof StampedeError && error.code === "OVERLOADED") return refused("OVERLOADED");
      // Redis did not answer: whether the claim ran is unknown. If it did, a repeat finds the win.
      this.#parts.onError(error);
      return recovering(REDIS_AWAY_MS);
    } finally {
      this.#inFlight--;
      this.#parts.observe((performance.now() - startedAt) / 1000);
    }
  };

  /** The answer to what Redis has decided. */
  #answer(
    userId: UserId,
    couponId: CouponId,
    requestId: RequestId,
    { result, sale }: ClaimDecision,
    pipeline: Pipeline,
    traceparent: string | undefined,
  ): ClaimReply | Promise<ClaimReply> {
    switch (result.code) {
      case "ACCEPTED":
        return this.#accept(userId, couponId, result, sale.epoch, pipeline, traceparent);
      case "ALREADY_WON":
        return this.#answerRepeat(
          { userId, couponId, requestId: result.requestId, slot: result.slot },
          sale.epoch,
          traceparent,
        );
      case "NOT_LOADED":
        return this.#explainNotLoaded(userId, couponId);
      case "NOT_STARTED":
        return notStarted(sale.startsAt);
      case "QUEUED":
        this.#parts.queue.learn(couponId, sale);
        return this.#enqueue(userId, couponId, requestId, sale, traceparent);
      default:
        return refused(result.code);
    }
  }

  /** A claim that is now in the ledger goes to the log, or, in the Redis pipeline, to the relay. */
  async #accept(
    userId: UserId,
    couponId: CouponId,
    { requestId, slot, ledgerId }: AcceptedResult,
    epoch: number,
    pipeline: Pipeline,
    traceparent: string | undefined,
  ): Promise<ClaimReply> {
    const { publish, receipts, requireKafka, fault } = this.#parts;
    fault("claim:after-lua");
    this.#parts.accepted(pipeline);
    const won = { userId, couponId, requestId, slot, repeat: false };
    if (pipeline === "redis") {
      this.#parts.wakeRelay(couponId);
      return accepted(won, "ledger", receipts.ofClaim("ACCEPTED", requestId, userId));
    }
    const acknowledged = publish({ couponId, userId, requestId, slot, epoch, ledgerId }, traceparent);
    // Made while the claim is on its way to Kafka.
    const receipt = receipts.ofClaim("ACCEPTED", requestId, userId);
    const durable = await acknowledged;
    fault("claim:after-produce");
    if (requireKafka && durable !== "kafka") return unacknowledged(requestId);
    return accepted(won, durable, receipt);
  }

  /**
   * The user has won before. The first answer said how durable the claim was; for a repeat only the ledger is certain. With
   * CLAIM_REQUIRE_KAFKA the claim is produced again: the event id is the same, so nothing happens twice.
   */
  async #answerRepeat(win: Win, epoch: number, traceparent: string | undefined): Promise<ClaimReply> {
    const { publish, requireKafka } = this.#parts;
    const claim = { ...win, epoch, ledgerId: UNKNOWN_LEDGER_ID };
    const durable = requireKafka ? await publish(claim, traceparent) : "ledger";
    if (requireKafka && durable !== "kafka") return unacknowledged(win.requestId);
    return await this.#firstAnswerAgain(win, durable);
  }

  /** An earlier win again, with the receipt of its first answer: of a queued sale that was PENDING. */
  async #firstAnswerAgain(won: Win, durable: Durability): Promise<ClaimReply> {
    const { requestId, userId, couponId } = won;
    const kind = (await this.#parts.issueModeOf(couponId)) === "QUEUED" ? "PENDING" : "ACCEPTED";
    const receipt = this.#parts.receipts.ofClaim(kind, requestId, userId);
    return accepted({ ...won, repeat: true }, durable, receipt);
  }

  /** Redis does not hold the sale: PostgreSQL says why, and whether the user won while Redis held it. */
  async #explainNotLoaded(userId: UserId, couponId: CouponId): Promise<ClaimReply> {
    const why = await this.#parts.whyNotLoaded(couponId);
    if (why.code === "SALE_RECOVERING") return recovering(why.opensInMs);
    if (why.code === "COUPON_NOT_FOUND") return refused(why.code);
    const win = await this.#parts.pastWin(couponId, userId, why.hasLeft);
    if (win !== null) return await this.#firstAnswerAgain({ userId, couponId, ...win }, "kafka");
    return why.comesBack ? recovering(why.opensInMs) : refused(why.code);
  }

  /** Answers a claim of a queued sale: an earlier win, or a place in the log. */
  async #enqueue(
    userId: UserId,
    couponId: CouponId,
    requestId: RequestId,
    sale: QueueWindow,
    traceparent: string | undefined,
  ): Promise<ClaimReply> {
    const { queue, receipts } = this.#parts;
    const queued = await queue.request(sale, { couponId, userId, requestId }, Date.now(), traceparent);
    switch (queued.kind) {
      case "won": {
        const won = { userId, couponId, ...queued.winner, repeat: true };
        return accepted(won, "kafka", receipts.ofClaim("PENDING", won.requestId, userId));
      }
      case "refused":
        return queued.code === "NOT_STARTED" ? notStarted(sale.startsAt) : refused(queued.code);
      case "unknown":
        return unacknowledged(queued.requestId);
      case "logged": {
        const { requestId, repeat } = queued;
        const receipt = receipts.ofClaim("PENDING", requestId, userId);
        const body: ClaimPending = { requestId, couponId, status: "PENDING", durable: "kafka", receipt };
        return { kind: "accepted", body: repeat ? { ...body, repeat } : body };
      }
    }
  }
}
