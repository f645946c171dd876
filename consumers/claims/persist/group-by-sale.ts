import type { CouponId } from "../../../contracts/wire/ids.ts";

/** In the order given. */
export function groupBySale<C extends { readonly couponId: CouponId }>(claims: readonly C[]): Map<CouponId, C[]> {
  const bySale = new Map<CouponId, C[]>();
  for (const claim of claims) {
    const sale = bySale.get(claim.couponId);
    if (sale === undefined) bySale.set(claim.couponId, [claim]);
    else sale.push(claim);
  }
  return bySale;
}
