import { ClaimRevoked, RevokeClaim } from "../../contracts/claims/http.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import { type CouponId, isCouponId, type RequestId, saleOfRequest, type UserId } from "../../contracts/wire/ids.ts";
import type { RevokeOutcome, RevokeRequest, UnpersistedClaim } from "../../db/claims/revoke.ts";
import { type Endpoint, endpoint } from "../http/endpoint.ts";
import { json } from "../http/problem.ts";
import type { SaleRecovering } from "../sales/recovering.ts";

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
 * says whether it was.
 */
export const revokeClaim = (revoking: Revoking): Endpoint =>
  endpoint({
    method: "POST",
    path: "/admin/coupons/:couponId/revoke",
    operationId: "revokeClaim",
    summary: "Revoke one claim: its owner is told, and its slot goes to the next user",
    tag: "admin",
    audience: "operator",
    caller: "treasurer",
    cost: "write",
    body: RevokeClaim,
    idempotency: "natural",
    cache: "no-store",
    audit: true,
    answers: { 200: ClaimRevoked },
    refusals: [
      "COUPON_NOT_FOUND",
      "REQUEST_NOT_FOUND",
      "CONFLICT",
      "SALE_RECOVERING",
      "REDIS_UNAVAILABLE",
      "DATABASE_UNAVAILABLE",
    ],
    async handle(call) {
      const { requestId: asked, why } = call.body;
      const { couponId } = call.params;
      if (!isCouponId(couponId!)) return call.refuse("COUPON_NOT_FOUND");
      if (saleOfRequest(asked) !== couponId) {
        return call.refuse("REQUEST_NOT_FOUND", { detail: "No such request of this coupon" });
      }
      const wish = { couponId, requestId: asked, actor: call.caller.userId, why };
      const outcome = await revoke(revoking, wish, couponId, asked);
      const requestId = outcome.requestId as RequestId;
      await revoking.wake(requestId).catch(() => {}); // if the message is lost, the relay finds it in its next round
      const released = await untilReleased(revoking, requestId);
      const userId = outcome.userId as UserId;
      return json(200, { requestId, couponId, userId, status: "REVOKED", released } satisfies ClaimRevoked);
    },
  });
