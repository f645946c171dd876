import type { OrderLine } from "../orders/parts.ts";
import { StampedeError } from "../wire/errors.ts";
import { add, type Money, NOTHING, subtract, times } from "../wire/money.ts";
import { type DiscountTerms, discountOn } from "./discount.ts";

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
