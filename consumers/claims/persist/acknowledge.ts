import type { CouponId, RequestId } from "../../../contracts/wire/ids.ts";
import type { LeftOut } from "../../../contracts/wire/left-out.ts";
import type { ResultCode } from "../../../contracts/wire/result-codes.ts";
import type { Acknowledgement, SaleScripts } from "../../../lua/sale-scripts.ts";
import { groupBySale } from "./group-by-sale.ts";

export interface Acknowledge extends Acknowledgement {
  readonly couponId: CouponId;
}

/**
 * Takes settled claims out of the ledger and marks them ISSUED. This is the last step, because ISSUED means that PostgreSQL
 * holds the claim and that the log holds the event about it.
 * Never rejects: a claim that cannot be acknowledged (Redis away, the sale fenced) is settled, so its partition goes on. Its
 * entry stays in the ledger; the relay finds it and the row, publishes the event once more and acknowledges.
 * @returns how many claims that happened to (`left`), and which ones were given up meanwhile
 */
export async function acknowledge(
  { scripts, leftOut }: { readonly scripts: Pick<SaleScripts, "acknowledge">; readonly leftOut: LeftOut },
  entries: readonly Acknowledge[],
): Promise<{ readonly left: number; readonly failed: ReadonlyMap<RequestId, ResultCode> }> {
  const bySale = [...groupBySale(entries)];
  const acknowledged = await leftOut.runEach(
    "removing ledger entries",
    bySale,
    ([couponId]) => couponId,
    ([couponId, ofSale]) => scripts.acknowledge(couponId, ofSale),
    // No rest: what is not tried would only be left to the relay.
    { throwsIfAway: false, maxRestMs: 0 },
  );
  let left = entries.length;
  const failed = new Map<RequestId, ResultCode>();
  for (const { thing, result } of acknowledged) {
    if (result.code === "ACKNOWLEDGED") left -= thing[1].length;
    for (const [requestId, reason] of result.failed) failed.set(requestId, reason);
  }
  return { left, failed };
}
