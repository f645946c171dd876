import type { ProductId } from "../../contracts/orders/ids.ts";
import type { OrderLine, ProductQuantity } from "../../contracts/orders/parts.ts";
import { type Amounts, type DiscountTerms, priceOrder } from "../../contracts/shop/pricing.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { Currency, Money } from "../../contracts/wire/money.ts";
import type { Offer } from "../../db/shop/products.ts";

/** The part of an order that has prices. Fixed here; no step calculates again. */
export interface PricedLines extends Amounts {
  readonly items: OrderLine[];
  /** The lines for which the gateway takes admission stock. */
  readonly flashItems: ProductQuantity[];
  readonly currency: Currency;
}

/** What a coupon takes off, and in which currency. */
export interface CouponOffer extends DiscountTerms {
  readonly currency: Currency;
}

/** The points to use. One point is worth one minor unit of their currency. */
export interface Points {
  readonly amount: Money;
  readonly currency: Currency;
}

/**
 * Prices merged lines by the catalogue.
 * @throws StampedeError PRODUCT_NOT_FOUND, CURRENCIES_DIFFER, AMOUNT_OUT_OF_RANGE, MIN_ORDER_AMOUNT, COUPON_WITHOUT_EFFECT,
 * POINTS_EXCEED_AMOUNT
 */
export function priceLines(
  lines: readonly ProductQuantity[],
  offers: ReadonlyMap<ProductId, Offer | null>,
  terms: CouponOffer | null,
  points: Points,
): PricedLines {
  const found = lines.map((line) => ({ ...line, offer: offerOf(line.productId, offers) }));
  const currencies = new Set(found.map(({ offer }) => offer.currency));
  if (currencies.size > 1)
    throw new StampedeError("CURRENCIES_DIFFER", `the products cost ${[...currencies].join(", ")}`);
  const { currency } = found[0]!.offer;
  if (terms !== null) expectSame(currency, terms.currency, "the coupon is worth something in");
  if (points.amount > 0) expectSame(currency, points.currency, "points are worth something in");
  const items = found.map(({ productId, quantity, offer }) => ({ productId, quantity, unitPrice: offer.price }));
  const flashItems = found
    .filter(({ offer }) => offer.flash)
    .map(({ productId, quantity }) => ({ productId, quantity }));
  return { items, flashItems, currency, ...priceOrder(items, terms, points.amount) };
}

/** @param what a clause that ends before the currency, e.g. "points are worth something in" */
function expectSame(ordered: Currency, currency: Currency, what: string): void {
  if (ordered !== currency) {
    throw new StampedeError("CURRENCIES_DIFFER", `the order costs ${ordered}, and ${what} ${currency}`);
  }
}

function offerOf(productId: ProductId, offers: ReadonlyMap<ProductId, Offer | null>): Offer {
  const offer = offers.get(productId);
  if (!offer)
    throw new StampedeError("PRODUCT_NOT_FOUND", `there is no product ${productId}`, { extra: { productId } });
  return offer;
}
