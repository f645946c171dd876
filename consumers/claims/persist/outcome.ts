import type { CouponClaimed } from "../../../contracts/claims/events.ts";
import type { RequestId } from "../../../contracts/wire/ids.ts";
import type { ResultCode } from "../../../contracts/wire/result-codes.ts";

/** A claim as Redis granted it; a slot or an epoch of 0 is unusable (contracts/claims/claim-numbers.ts). */
export type GrantedClaim = CouponClaimed["data"];

/**
 * What PostgreSQL made of a claim.
 * - PERSISTED, REPEATED: its row stands. ALIASED: the user holds the coupon by an earlier request, `original`.
 * - TOMBSTONED: it was given up before; it stays given up.
 * - SLOT_TAKEN, SLOT_BEYOND_TOTAL: Redis and PostgreSQL contradict each other. `proof`: under the sale's current epoch, so
 *   Redis has lost writes and must be rebuilt; otherwise a rebuild is already under way.
 * - EPOCH_PASSED: decided before the sale was rebuilt, or in an epoch that never was, so it must be decided again.
 * - SALE_LOADING: the winners are being read; nothing may be inserted until they are back in Redis.
 * - COUPON_NOT_FOUND: no such sale; its claims are kept, not judged (a wrong database must not cost a user a coupon).
 */
export type ClaimOutcome =
  | { readonly code: "PERSISTED" | "REPEATED"; readonly slot: number; readonly issuedAt: Date }
  | {
      readonly code: "ALIASED";
      readonly slot: number;
      readonly issuedAt: Date;
      readonly original: RequestId;
      /** PostgreSQL holds the claim's own slot, for this user or another: it must not go out again. */
      readonly slotHeld: boolean;
    }
  | { readonly code: "TOMBSTONED"; readonly reason: ResultCode }
  | { readonly code: "SLOT_TAKEN" | "SLOT_BEYOND_TOTAL"; readonly proof: boolean }
  | { readonly code: "EPOCH_PASSED" | "SALE_LOADING" | "COUPON_NOT_FOUND" };
