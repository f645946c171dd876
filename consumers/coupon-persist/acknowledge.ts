import type { CouponId, RequestId } from "../../contracts/ids.ts";
import type { ResultCode } from "../../contracts/result-codes.ts";
import type { Acknowledgement, SaleScripts } from "../../lua/sale-scripts.ts";

export interface Acknowledge extends Acknowledgement {
  readonly couponId: CouponId;
}

/**
 * Takes settled claims out of the ledger and marks them ISSUED. The last step on purpose: ISSUED says that PostgreSQL
 * holds the claim and that the log holds the news of it.
 * Never rejects: a claim that cannot be acknowledged (Redis away, the sale fenced) is settled all the same, and holding
 * its partition up would help nobody. Its entry stays, the relay meets it, finds the row, tells once more and acknowledges.
 * @returns how many claims that happened to (`left`), and which ones were given up meanwhile
 */
export async function acknowledge(
  scripts: Pick<SaleScripts, "acknowledge">,
  entries: readonly Acknowledge[],
  onError: (error: unknown) => void,
): Promise<{ readonly left: number; readonly failed: ReadonlyMap<RequestId, ResultCode> }> {
  const bySale = new Map<CouponId, Acknowledge[]>();
  for (const entry of entries) {
    const sale = bySale.get(entry.couponId);
    if (sale === undefined) bySale.set(entry.couponId, [entry]);
    else sale.push(entry);
  }
  let left = 0;
  const failed = new Map<RequestId, ResultCode>();
  await Promise.all(
    [...bySale].map(async ([couponId, ofSale]) => {
      try {
        const acknowledged = await scripts.acknowledge(couponId, ofSale);
        if (acknowledged.code !== "ACKNOWLEDGED") left += ofSale.length;
        for (const [requestId, reason] of acknowledged.failed) failed.set(requestId, reason);
      } catch (error) {
        left += ofSale.length;
        onError(error);
      }
    }),
  );
  return { left, failed };
}
