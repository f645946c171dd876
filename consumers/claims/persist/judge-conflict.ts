import { isFarAhead } from "../../../contracts/claims/claim-numbers.ts";
import type { RequestId } from "../../../contracts/wire/ids.ts";
import { isResultCode } from "../../../contracts/wire/result-codes.ts";
import type { StandingClaim } from "../../../db/claims/conflicts.ts";
import type { SharedSale } from "../../../db/sales/lock.ts";
import type { ClaimOutcome, GrantedClaim } from "./outcome.ts";

/**
 * Why a claim was not inserted, from the rows that stand in its way; the order of the rules is the meaning:
 * what was settled before stays settled, whatever the sale went through since; then the user's own coupon; then the
 * sale's state; and only then the slot.
 * @returns null when nothing explains it: the row in the way went while we looked; insert again
 */
export function judgeConflict(
  claim: GrantedClaim,
  sale: Pick<SharedSale, "epoch" | "total" | "load_state">,
  standing: StandingClaim,
): ClaimOutcome | null {
  if (standing.own_status === "REVOKED") return { code: "TOMBSTONED", reason: reason(standing.own_reason) };
  if (standing.own_status !== null) {
    return { code: "REPEATED", slot: standing.own_slot!, issuedAt: standing.own_issued_at! };
  }
  if (standing.held_request !== null) {
    return {
      code: "ALIASED",
      slot: standing.held_slot!,
      issuedAt: standing.held_issued_at!,
      original: standing.held_request as RequestId,
      slotHeld: standing.slot_request !== null,
    };
  }
  // An alias whose original is no coupon any more: it was revoked, and so was this name for it.
  if (standing.alias_of !== null) return { code: "TOMBSTONED", reason: "REVOKED" };
  if (sale.load_state === "LOADING") return { code: "SALE_LOADING" };
  const hasPassed = claim.epoch < sale.epoch || isFarAhead(claim.epoch, sale.epoch);
  if (sale.load_state === "LOADED" && hasPassed) return { code: "EPOCH_PASSED" };
  const proof = sale.load_state === "LOADED";
  if (claim.slot < 1 || claim.slot > sale.total) return { code: "SLOT_BEYOND_TOTAL", proof };
  if (standing.slot_request !== null) return { code: "SLOT_TAKEN", proof };
  return null;
}

const reason = (text: string | null) => (text !== null && isResultCode(text) ? text : "REVOKED");
