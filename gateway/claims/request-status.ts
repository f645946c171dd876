import { RequestStatus } from "../../contracts/claims/http.ts";
import { type CouponId, isRequestId, type RequestId, saleOfRequest, type UserId } from "../../contracts/wire/ids.ts";
import type { ResultCode } from "../../contracts/wire/result-codes.ts";
import { type Endpoint, endpoint } from "../http/endpoint.ts";
import { json } from "../http/problem.ts";
import type { WhyNotLoaded } from "../sales/why-not-loaded.ts";

/** Lookups of a user's request in Redis and PostgreSQL. */
export interface RequestSources {
  /**
   * The request in Redis. `loaded` false: the sale is being recovered (or, a queued sale, was recovered after the request), so a
   * missing request proves nothing. `hearsay` true: Redis may have lost the claim's outcome, so PostgreSQL is asked as well.
   * @throws when Redis is away
   */
  inRedis(
    couponId: CouponId,
    requestId: RequestId,
    userId: UserId,
  ): Promise<{
    readonly loaded: boolean;
    readonly hearsay: boolean;
    readonly slot: number | null;
    readonly status: "ACCEPTED" | "PENDING" | "ISSUED" | "FAILED" | null;
    readonly reason: ResultCode | null;
  }>;
  /** The row of the request in PostgreSQL, or of the request that it is an alias of. */
  inDatabase(
    requestId: RequestId,
    userId: UserId,
  ): Promise<{
    readonly status: "ISSUED" | "FAILED" | "PENDING";
    readonly slot: number | null;
    readonly reason: ResultCode | null;
  } | null>;
  readonly whyNotLoaded: WhyNotLoaded;
}

/**
 * The status of a request. Redis first, because it is cheaper during a rush; then PostgreSQL for requests that Redis does not
 * know. null: unknown; a request of another user is unknown too.
 */
export async function requestStatus(
  sources: RequestSources,
  requestId: RequestId,
  userId: UserId,
  onError: (error: unknown) => void,
): Promise<RequestStatus | null> {
  const couponId = saleOfRequest(requestId);
  const live = await sources.inRedis(couponId, requestId, userId).catch((error: unknown) => {
    onError(error);
    return { loaded: false, hearsay: false, slot: null, status: null, reason: null };
  });
  const said = live.status === null ? null : answer(requestId, live.status, live.slot, live.reason);
  if (said !== null && !live.hearsay) return said;
  const stored = await sources.inDatabase(requestId, userId).catch((error: unknown) => {
    if (said === null) throw error;
    onError(error);
    return null;
  });
  if (stored !== null) return answer(requestId, stored.status, stored.slot, stored.reason);
  if (said !== null) return said;
  if (live.loaded) return null;
  // Only a sale that left Redis for good has nothing under way: a paused queued sale keeps its requests in the log.
  const why = await sources.whyNotLoaded(couponId);
  if (why.code === "COUPON_NOT_FOUND" || why.hasLeft) return null;
  return { requestId, couponId, status: "PENDING" };
}

function answer(
  requestId: RequestId,
  status: RequestStatus["status"],
  slot: number | null,
  reason: ResultCode | null,
): RequestStatus {
  return {
    requestId,
    couponId: saleOfRequest(requestId),
    status,
    ...(slot === null ? {} : { slot }),
    ...(reason === null ? {} : { reason }),
  };
}

/** GET /coupons/requests/:requestId */
export const showRequest = (sources: RequestSources, onError: (error: unknown) => void): Endpoint =>
  endpoint({
    method: "GET",
    path: "/coupons/requests/:requestId",
    operationId: "getClaimRequest",
    summary: "The status of one of the caller's claims",
    tag: "claims",
    audience: "public",
    caller: "user",
    cost: "read",
    body: "none",
    idempotency: "none",
    cache: "no-store",
    audit: false,
    answers: { 200: RequestStatus },
    refusals: ["REQUEST_NOT_FOUND", "DATABASE_UNAVAILABLE"],
    async handle(call) {
      const { requestId } = call.params;
      const known = isRequestId(requestId!)
        ? await requestStatus(sources, requestId, call.caller.userId, onError)
        : null;
      return known === null ? call.refuse("REQUEST_NOT_FOUND") : json(200, known);
    },
  });
