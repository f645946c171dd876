import { slotOrEpoch } from "../../../contracts/claims/claim-numbers.ts";
import type { ResultCode } from "../../../contracts/wire/result-codes.ts";
import { MAX_DECISIONS } from "../../../lua/decide-batch.ts";
import type { SaleScripts } from "../../../lua/sale-scripts.ts";
import { groupBySale } from "./group-by-sale.ts";
import type { GrantedClaim } from "./outcome.ts";

export interface Reclaimed {
  /** Decided again: the same request with the slot and epoch that hold now. */
  readonly granted: readonly GrantedClaim[];
  /** Nothing is left for them, or an operator closed the sale: to be given up for this reason. */
  readonly refused: readonly { readonly claim: GrantedClaim; readonly reason: ResultCode }[];
  /** Not now: paused, fenced again, Redis full, or the user won meanwhile with a request that is not persisted yet. */
  readonly undecided: readonly GrantedClaim[];
}

/**
 * Sends claims through claim.lua again under their own request ids: it grants a new slot, or repeats the grant that a
 * crash or another process came by before. They were granted once, so they were in time: that the sale ended meanwhile
 * does not take them back. The old ledger entry stays with the claim until the claim is settled.
 * @throws StampedeError REDIS_UNAVAILABLE; repeating it is harmless for the same reason
 */
export async function reclaim(
  scripts: Pick<SaleScripts, "claim" | "decide">,
  claims: readonly GrantedClaim[],
): Promise<Reclaimed> {
  const granted: GrantedClaim[] = [];
  const refused: { claim: GrantedClaim; reason: ResultCode }[] = [];
  const undecided: GrantedClaim[] = [];
  const queued: GrantedClaim[] = [];
  for (const [couponId, ofSale] of groupBySale(claims)) {
    const { epoch, results } = await scripts.claim(couponId, ofSale, "again");
    ofSale.forEach((claim, i) => {
      const result = results[i]!;
      switch (result.code) {
        case "ACCEPTED":
          granted.push({ ...claim, slot: result.slot, epoch, ledgerId: result.ledgerId });
          break;
        case "ALREADY_WON":
          // By another request: that one is persisted first, and then this one is its alias.
          if (result.requestId === claim.requestId) granted.push({ ...claim, slot: slotOrEpoch(result.slot), epoch });
          else undecided.push(claim);
          break;
        case "QUEUED":
          queued.push(claim);
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
  if (queued.length > 0) {
    const again = await reclaimQueued(scripts, queued);
    granted.push(...again.granted);
    refused.push(...again.refused);
    undecided.push(...again.undecided);
  }
  return { granted, refused, undecided };
}

/**
 * The same for claims of queued sales, which decide.lua decides. They won by the log's order, whose every earlier winner
 * is persisted or reclaimed likewise, so there is room for them; and their time was judged when they won.
 */
async function reclaimQueued(
  scripts: Pick<SaleScripts, "decide">,
  claims: readonly GrantedClaim[],
): Promise<Reclaimed> {
  const granted: GrantedClaim[] = [];
  const refused: { claim: GrantedClaim; reason: ResultCode }[] = [];
  const undecided: GrantedClaim[] = [];
  for (const [couponId, ofSale] of groupBySale(claims)) {
    for (let at = 0; at < ofSale.length; at += MAX_DECISIONS) {
      const part = ofSale.slice(at, at + MAX_DECISIONS);
      const { epoch, decided } = await scripts.decide(
        couponId,
        part.map(({ userId, requestId }) => ({ userId, requestId, loggedAt: null })),
      );
      for (const [i, claim] of part.entries()) {
        const one = decided[i]!;
        if (one.kind === "granted") granted.push({ ...claim, slot: one.slot, epoch, ledgerId: one.ledgerId });
        else if (one.kind === "refused") refused.push({ claim, reason: one.reason });
        else if (one.kind === "won" && one.requestId === claim.requestId) {
          granted.push({ ...claim, slot: slotOrEpoch(one.slot), epoch });
        } else undecided.push(claim);
      }
    }
  }
  return { granted, refused, undecided };
}
