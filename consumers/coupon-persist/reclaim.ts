import type { CouponId } from "../../contracts/ids.ts";
import type { ResultCode } from "../../contracts/result-codes.ts";
import type { SaleScripts } from "../../lua/sale-scripts.ts";
import type { Claim } from "./outcome.ts";

export interface Reclaimed {
  /** Decided again: the same request with the slot and epoch that hold now. */
  readonly granted: readonly Claim[];
  /** Nothing left for them, or too late: to be given up for this reason. */
  readonly refused: readonly { readonly claim: Claim; readonly reason: ResultCode }[];
  /** Not now: paused, fenced again, Redis full, or the user won meanwhile with a request that is not persisted yet. */
  readonly undecided: readonly Claim[];
}

/**
 * Sends claims through claim.lua again under their own request ids: it grants a new slot, or repeats the grant that a
 * crash or another process came by before. The old ledger entry stays with the claim until the claim is settled.
 * @throws StampedeError REDIS_UNAVAILABLE; repeating it is harmless for the same reason
 */
export async function reclaim(scripts: Pick<SaleScripts, "claim">, claims: readonly Claim[]): Promise<Reclaimed> {
  const bySale = new Map<CouponId, Claim[]>();
  for (const claim of claims) {
    const sale = bySale.get(claim.couponId);
    if (sale === undefined) bySale.set(claim.couponId, [claim]);
    else sale.push(claim);
  }
  const granted: Claim[] = [];
  const refused: { claim: Claim; reason: ResultCode }[] = [];
  const undecided: Claim[] = [];
  for (const [couponId, ofSale] of bySale) {
    const { epoch, results } = await scripts.claim(couponId, ofSale);
    ofSale.forEach((claim, i) => {
      const result = results[i]!;
      switch (result.code) {
        case "ACCEPTED":
          granted.push({ ...claim, slot: result.slot, epoch, ledgerId: result.ledgerId });
          break;
        case "ALREADY_WON":
          // By another request: that one is persisted first, and then this one is its alias.
          if (result.requestId === claim.requestId) granted.push({ ...claim, slot: result.slot, epoch });
          else undecided.push(claim);
          break;
        case "SOLD_OUT":
        case "ENDED":
          refused.push({ claim, reason: result.code });
          break;
        default:
          undecided.push(claim);
      }
    });
  }
  return { granted, refused, undecided };
}
