import type { LeftOut } from "../../../contracts/wire/left-out.ts";
import type { ResultCode } from "../../../contracts/wire/result-codes.ts";
import { buryClaims } from "../../../db/claims/insert.ts";
import type { Sql } from "../../../db/client.ts";
import { findLeftSales } from "../../../db/sales/reopening.ts";
import type { SaleScripts } from "../../../lua/sale-scripts.ts";
import type { GrantedClaim } from "./outcome.ts";

export interface GivenUp {
  readonly claim: GrantedClaim;
  readonly reason: ResultCode;
}

/**
 * First half of giving up: the tombstone. Once it is committed, the claim cannot be persisted any more. A claim that was
 * persisted meanwhile, or became an alias of its user's coupon, is not given up and comes back in `persisted`.
 */
export async function bury(
  sql: Sql,
  hopeless: readonly GivenUp[],
): Promise<{ readonly buried: readonly GivenUp[]; readonly persisted: readonly GrantedClaim[] }> {
  if (hopeless.length === 0) return { buried: [], persisted: [] };
  const standing = await buryClaims(
    sql,
    hopeless.map(({ claim, reason }) => ({ ...claim, reason })),
  );
  return {
    buried: hopeless.filter(({ claim }) => standing.has(claim.requestId)),
    persisted: hopeless.filter(({ claim }) => !standing.has(claim.requestId)).map(({ claim }) => claim),
  };
}

/**
 * Second half, only for claims whose tombstone is committed: the slot (if this request still holds one in this epoch)
 * goes out again, the ledger entry goes, the status becomes FAILED. Repeating it frees nothing twice.
 * Of a sale that left Redis for good nothing is there to be released.
 * @returns the claims that a fence, or a sale that Redis does not answer about, kept from being released; they are not to
 * be told FAILED yet
 */
export async function releaseBuried(
  {
    sql,
    scripts,
    leftOut,
  }: { readonly sql: Sql; readonly scripts: Pick<SaleScripts, "release">; readonly leftOut: LeftOut },
  buried: readonly GivenUp[],
): Promise<ReadonlySet<GrantedClaim>> {
  const kept = new Set(buried.map(({ claim }) => claim));
  const sales = new Set(buried.map(({ claim }) => claim.couponId));
  await leftOut.runEach(
    "releasing claims",
    [...sales],
    String,
    async (couponId) => {
      const ofSale = buried.filter(({ claim }) => claim.couponId === couponId);
      const release = async ({ claim, reason }: GivenUp) => {
        const { userId, requestId, epoch, ledgerId } = claim;
        const code = await scripts.release(couponId, { userId, requestId, epoch, reason, ledgerId });
        if (code !== "NOT_LOADED") kept.delete(claim);
      };
      await Promise.all(ofSale.map(release));
    },
    { throwsIfAway: false },
  );
  if (kept.size === 0) return kept;
  const left = await findLeftSales(
    sql,
    [...kept].map(({ couponId }) => couponId),
  );
  return new Set([...kept].filter(({ couponId }) => !left.has(couponId)));
}
