import { type ClaimRevoked, RevokeClaim } from "../../contracts/claims/http.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import { type CouponId, isCouponId, type RequestId, saleOfRequest, type UserId } from "../../contracts/wire/ids.ts";
import type { RevokeOutcome, RevokeRequest, UnpersistedClaim } from "../../db/claims/revoke.ts";
import { identifyOperator } from "../auth/bearer.ts";
import type { Authenticate } from "../auth/hs256.ts";
import { jsonBody } from "../http/json-body.ts";
import { json, problem } from "../http/problem.ts";
import type { Handler } from "../transports/transport.ts";
import type { SaleRecovering } from "./recovering.ts";

export interface Revoking {
  /** Writes the tombstone, the revocation and the audit line in one transaction. */
  commit(wish: RevokeRequest, unpersisted: UnpersistedClaim | null): Promise<RevokeOutcome>;
  /** The claim in the sale's ledger, or a request that a queued sale has not decided. @throws StampedeError REDIS_UNAVAILABLE */
  onItsWay(couponId: CouponId, requestId: RequestId): Promise<UnpersistedClaim | null>;
  /** Whether Redis decides claims of this sale now. */
  isLoaded(couponId: CouponId): Promise<boolean>;
  /** The error for the time while it does not. */
  recovering: SaleRecovering;
  /** Wakes role claim-relay. */
  wake(requestId: RequestId): Promise<unknown>;
  isReleased(requestId: RequestId): Promise<boolean>;
}

/** How long the answer waits for the release. Role claim-relay needs milliseconds; otherwise the release follows later. */
const RELEASE_WAIT_MS = 3_000;
const RELEASE_POLL_MS = 20;

/**
 * Revokes a claim in PostgreSQL, or on its way there. It looks in PostgreSQL, in the ledger, and in PostgreSQL once more,
 * because a claim leaves the ledger only after its row is committed. A claim in neither was never granted, unless the sale is
 * being rebuilt: then the claim may be in the log alone.
 * @throws StampedeError CONFLICT, COUPON_NOT_FOUND, REQUEST_NOT_FOUND, SALE_RECOVERING
 */
async function revoke(revoking: Revoking, wish: RevokeRequest, couponId: CouponId, requestId: RequestId) {
  let outcome = await revoking.commit(wish, null);
  if (outcome.code === "UNKNOWN") {
    outcome = await revoking.commit(wish, await revoking.onItsWay(couponId, requestId));
  }
  switch (outcome.code) {
    case "REVOKED":
      return outcome;
    case "USED":
      throw new StampedeError("CONFLICT", `An order has used this coupon: cancel ${outcome.orderId ?? "it"} first`);
    case "COUPON_NOT_FOUND":
      throw new StampedeError("COUPON_NOT_FOUND");
    case "UNKNOWN": {
      const isLoaded = outcome.loadState === "LOADED" && (await revoking.isLoaded(couponId));
      if (isLoaded || outcome.loadState === "NEW") throw new StampedeError("REQUEST_NOT_FOUND");
      throw await revoking.recovering(couponId);
    }
  }
}

async function untilReleased(revoking: Revoking, requestId: RequestId): Promise<boolean> {
  const deadline = performance.now() + RELEASE_WAIT_MS;
  for (;;) {
    const released = await revoking.isReleased(requestId);
    if (released || performance.now() >= deadline) return released;
    await new Promise((resolve) => setTimeout(resolve, RELEASE_POLL_MS));
  }
}

/**
 * POST /admin/coupons/:couponId/revoke. The tombstone makes it final. The answer waits a moment for the slot to be freed, and
 * says whether it was. Idempotent.
 */
export function revokeClaimRoute(revoking: Revoking, authenticate: Authenticate): Handler {
  const read = jsonBody(RevokeClaim);
  return async (request) => {
    const { userId: actor } = identifyOperator(request, authenticate);
    const { requestId: asked, why } = await read(request);
    const couponId = request.params.couponId!;
    if (!isCouponId(couponId)) return problem("COUPON_NOT_FOUND");
    if (saleOfRequest(asked) !== couponId) {
      return problem("REQUEST_NOT_FOUND", { detail: "No such request of this coupon" });
    }
    const outcome = await revoke(revoking, { couponId, requestId: asked, actor, why }, couponId, asked);
    const requestId = outcome.requestId as RequestId;
    await revoking.wake(requestId).catch(() => {}); // if the message is lost, the relay finds it in its next round
    const released = await untilReleased(revoking, requestId);
    const userId = outcome.userId as UserId;
    return json(200, { requestId, couponId, userId, status: "REVOKED", released } satisfies ClaimRevoked);
  };
}
