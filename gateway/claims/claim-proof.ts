import type { ReceiptFacts } from "../../contracts/claims/receipt.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import { type CouponId, type RequestId, requestTime, saleOfRequest, type UserId } from "../../contracts/wire/ids.ts";
import type { ResultCode } from "../../contracts/wire/result-codes.ts";
import type { FoundRequest } from "../../db/claims/find.ts";
import type { RequestFacts } from "../../lua/sale-reading.ts";
import { comeBack } from "../sales/opening-time.ts";
import type { WhyNotLoaded } from "../sales/why-not-loaded.ts";
import type { IssueModeOf } from "./issue-modes.ts";
import { isRebuiltSince } from "./redis-requests.ts";

/** Where a request's facts are looked up. Each may throw when its service is away. */
export interface ProofSources {
  /** The row of the request in PostgreSQL, or of the request that it is an alias of; null: there is none. */
  inDatabase(requestId: RequestId, userId: UserId): Promise<FoundRequest | null>;
  inRedis(couponId: CouponId, requestId: RequestId, userId: UserId): Promise<RequestFacts>;
  readonly issueModeOf: IssueModeOf;
  readonly whyNotLoaded: WhyNotLoaded;
}

/** Nothing is proven of a claim that failed, even if its receipt of the past is genuine. */
function failed(requestId: RequestId, reason: ResultCode | null): StampedeError {
  return new StampedeError(
    "CLAIM_FAILED",
    `The claim failed${reason === null ? "" : ` (${reason})`}: it has no receipt`,
    {
      extra: { trackingUrl: `/coupons/requests/${requestId}` },
    },
  );
}

/**
 * What can be proven of a user's request now. PostgreSQL is asked first: only what is stored has a final slot. The status of a request
 * may be a guess (PENDING while a sale is rebuilt); what is signed may not.
 * @throws StampedeError REQUEST_NOT_FOUND (also for a request of another user), CLAIM_FAILED, OUTCOME_UNKNOWN, SALE_RECOVERING
 */
export async function provableFacts(
  sources: ProofSources,
  requestId: RequestId,
  userId: UserId,
): Promise<ReceiptFacts> {
  const couponId = saleOfRequest(requestId);
  const stored = await sources.inDatabase(requestId, userId);
  if (stored?.status === "ISSUED") {
    return { kind: "ISSUED", requestId: stored.requestId, userId, slot: stored.slot };
  }
  if (stored?.status === "FAILED") throw failed(requestId, stored.reason);
  if (stored === null && !(await isTaken(sources, requestId, userId))) {
    throw new StampedeError("REQUEST_NOT_FOUND");
  }
  const kind = (await sources.issueModeOf(couponId)) === "QUEUED" ? "PENDING" : "ACCEPTED";
  return { kind, requestId, userId, slot: null };
}

/** Whether Redis knows that a claim was granted, or that the log has a request. @throws StampedeError where it can't be known */
async function isTaken(sources: ProofSources, requestId: RequestId, userId: UserId): Promise<boolean> {
  const couponId = saleOfRequest(requestId);
  const { status, winner, asked, saleState, mode, rebuiltAt } = await sources.inRedis(couponId, requestId, userId);
  if (winner?.requestId === requestId) return true;
  if (status?.status === "PENDING" && status.userId === userId) return true;
  if (status?.status === "FAILED" && status.userId === userId) throw failed(requestId, status.reason);
  if (status === null && asked === requestId) {
    throw new StampedeError("OUTCOME_UNKNOWN", "Whether the log has the request is not known yet; ask again");
  }
  const isHeld = saleState !== null && saleState !== "RECOVERING";
  const mayBeForgotten = mode === "QUEUED" && isRebuiltSince(requestTime(requestId), rebuiltAt);
  if (isHeld && !mayBeForgotten) return false;
  const why = await sources.whyNotLoaded(couponId);
  if (why.code === "COUPON_NOT_FOUND" || why.hasLeft) return false;
  throw new StampedeError(
    "SALE_RECOVERING",
    "The sale was rebuilt, and its requests are not all known yet; ask again",
    {
      ...comeBack(why.opensInMs),
    },
  );
}
