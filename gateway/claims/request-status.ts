import type { RequestStatus } from "../../contracts/claims/http.ts";
import { type CouponId, isRequestId, type RequestId, saleOfRequest, type UserId } from "../../contracts/wire/ids.ts";
import type { ResultCode } from "../../contracts/wire/result-codes.ts";
import { identify } from "../auth/bearer.ts";
import type { Authenticate } from "../auth/hs256.ts";
import { json, problem } from "../http/problem.ts";
import type { WhyNotLoaded } from "../sales/existence.ts";
import type { Handler } from "../transports/transport.ts";

/** What Redis and PostgreSQL know of a request of this user. */
export interface RequestSources {
  /**
   * Redis' word. `loaded` false: the sale is being recovered (or, a queued one, was since the request), so not knowing
   * it means nothing. `hearsay` true: Redis may have forgotten how the claim ended, so PostgreSQL is asked as well.
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
  /** PostgreSQL's word: the row of the request, or of the request it is an alias of. */
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
 * Where a request stands. Redis first, because in a rush it is the cheap one; PostgreSQL for what Redis no longer (or
 * never) knew. A request of somebody else is as unknown as one that never was. null: unknown.
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
  // Only of a sale that left Redis for good nothing is on its way: a queued one that is paused keeps its requests in the log.
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
export function requestStatusRoute(
  sources: RequestSources,
  authenticate: Authenticate,
  onError: (error: unknown) => void,
): Handler {
  return async (request) => {
    const { userId } = identify(request, authenticate);
    const requestId = request.params.requestId!;
    if (!isRequestId(requestId)) return problem("REQUEST_NOT_FOUND");
    const status = await requestStatus(sources, requestId, userId, onError);
    return status === null ? problem("REQUEST_NOT_FOUND") : json(200, status);
  };
}
