import type { DiscountTerms } from "../../contracts/discount.ts";
import { StampedeError } from "../../contracts/errors.ts";
import type { Currency, Money } from "../../contracts/money.ts";
import type { ProductId } from "../../contracts/order-ids.ts";
import type { OrderLine, ProductQuantity } from "../../contracts/order-parts.ts";
import { type Amounts, priceOrder } from "../../contracts/pricing.ts";
import type { Offer } from "../../db/queries/find-offers.ts";

/** An order's part that money decides. Fixed here; no step calculates again. */
export interface Priced extends Amounts {
  readonly items: OrderLine[];
  /** The lines for which the door takes admission stock. */
  readonly flashItems: ProductQuantity[];
  readonly currency: Currency;
}

/**
 * Prices merged lines by the catalogue.
 * @throws StampedeError PRODUCT_NOT_FOUND, CURRENCIES_DIFFER, AMOUNT_OUT_OF_RANGE, MIN_ORDER_AMOUNT, POINTS_EXCEED_AMOUNT
 */
export function priceLines(
  lines: readonly ProductQuantity[],
  offers: ReadonlyMap<ProductId, Offer | null>,
  terms: DiscountTerms | null,
  points: Money,
): Priced {
  const found = lines.map((line) => ({ ...line, offer: offerOf(line.productId, offers) }));
  const currencies = new Set(found.map(({ offer }) => offer.currency));
  if (currencies.size > 1)
    throw new StampedeError("CURRENCIES_DIFFER", `the products cost ${[...currencies].join(", ")}`);
  const items = found.map(({ productId, quantity, offer }) => ({ productId, quantity, unitPrice: offer.price }));
  const flashItems = found
    .filter(({ offer }) => offer.flash)
    .map(({ productId, quantity }) => ({ productId, quantity }));
  return { items, flashItems, currency: found[0]!.offer.currency, ...priceOrder(items, terms, points) };
}

function offerOf(productId: ProductId, offers: ReadonlyMap<ProductId, Offer | null>): Offer {
  const offer = offers.get(productId);
  if (!offer)
    throw new StampedeError("PRODUCT_NOT_FOUND", `there is no product ${productId}`, { extra: { productId } });
  return offer;
}
