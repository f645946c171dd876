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
  sale: Pick<SharedSale, "epoch" | "total" | "loadState">,
  standing: StandingClaim,
): ClaimOutcome | null {
  if (standing.ownStatus === "REVOKED") return { code: "TOMBSTONED", reason: reason(standing.ownReason) };
  if (standing.ownStatus !== null) {
    return { code: "REPEATED", slot: standing.ownSlot!, issuedAt: standing.ownIssuedAt! };
  }
  if (standing.heldRequest !== null) {
    return {
      code: "ALIASED",
      slot: standing.heldSlot!,
      issuedAt: standing.heldIssuedAt!,
      original: standing.heldRequest as RequestId,
      slotHeld: standing.slotRequest !== null,
    };
  }
  // An alias whose original is no coupon any more: it was revoked, and so was this name for it.
  if (standing.aliasOf !== null) return { code: "TOMBSTONED", reason: "REVOKED" };
  if (sale.loadState === "LOADING") return { code: "SALE_LOADING" };
  const hasPassed = claim.epoch < sale.epoch || isFarAhead(claim.epoch, sale.epoch);
  if (sale.loadState === "LOADED" && hasPassed) return { code: "EPOCH_PASSED" };
  const proof = sale.loadState === "LOADED";
  if (claim.slot < 1 || claim.slot > sale.total) return { code: "SLOT_BEYOND_TOTAL", proof };
  if (standing.slotRequest !== null) return { code: "SLOT_TAKEN", proof };
  return null;
}

const reason = (text: string | null) => (text !== null && isResultCode(text) ? text : "REVOKED");
