import { StampedeError } from "../wire/errors.ts";
import { type Money, percentOf } from "../wire/money.ts";

/** What a coupon is worth. Immutable after its sale has opened, so the gateway can fix an order's discount. */
export interface DiscountTerms {
  readonly discountType: "FIXED" | "PERCENT";
  /** FIXED: minor units. PERCENT: 1 to 100. */
  readonly discountValue: number;
  /** The most that a percentage may take off; null: no cap. */
  readonly maxDiscount: Money | null;
  /** The smallest order total, before discount and points. */
  readonly minOrderAmount: Money;
}

/**
 * What a coupon takes off an order of `total`: never more than `total`. A percentage is rounded down to a whole minor
 * unit, in the shop's favour, once for the order and not per line: the same basket costs the same however it is split.
 * A cap limits FIXED terms too, so that it has one meaning.
 * @throws StampedeError MIN_ORDER_AMOUNT
 */
export function discountOn(total: Money, terms: DiscountTerms): Money {
  if (total < terms.minOrderAmount) {
    throw new StampedeError("MIN_ORDER_AMOUNT", `the coupon needs an order of at least ${terms.minOrderAmount}`);
  }
  const off = terms.discountType === "FIXED" ? terms.discountValue : percentOf(total, terms.discountValue);
  return Math.min(off, total, terms.maxDiscount ?? total) as Money;
}
