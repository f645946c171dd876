import type { OrderLine } from "../orders/parts.ts";
import { StampedeError } from "../wire/errors.ts";
import { add, type Money, NOTHING, percentOf, subtract, times } from "../wire/money.ts";

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

export interface Amounts {
  readonly totalAmount: Money;
  readonly discountAmount: Money;
  readonly pointsUsed: Money;
  readonly payableAmount: Money;
}

/**
 * All amounts of an order, fixed once: the lines' sum, then the coupon, then the points on what remains.
 * @throws StampedeError AMOUNT_OUT_OF_RANGE, MIN_ORDER_AMOUNT, COUPON_WITHOUT_EFFECT, POINTS_EXCEED_AMOUNT
 */
export function priceOrder(lines: readonly OrderLine[], terms: DiscountTerms | null, points: Money): Amounts {
  const totalAmount = lines.reduce((sum, { unitPrice, quantity }) => add(sum, times(unitPrice, quantity)), NOTHING);
  const discountAmount = terms === null ? NOTHING : discountOn(totalAmount, terms);
  // An order uses its coupon up, so a coupon that takes nothing off is refused: its owner can use it for another order.
  if (terms !== null && discountAmount === 0) throw new StampedeError("COUPON_WITHOUT_EFFECT");
  const remainder = subtract(totalAmount, discountAmount);
  if (points > remainder) throw new StampedeError("POINTS_EXCEED_AMOUNT", `only ${remainder} are left to pay`);
  return { totalAmount, discountAmount, pointsUsed: points, payableAmount: subtract(remainder, points) };
}
