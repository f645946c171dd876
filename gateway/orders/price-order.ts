import type { OrderCreated } from "../../contracts/orders/events.ts";
import type { PlaceOrder } from "../../contracts/orders/http.ts";
import { type OrderId, orderNumberOf } from "../../contracts/orders/ids.ts";
import { orderCreated } from "../../contracts/orders/messages.ts";
import type { PaymentMethod } from "../../contracts/orders/parts.ts";
import { mergeLines } from "../../contracts/orders/request.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import { type Currency, type Money, NOTHING } from "../../contracts/wire/money.ts";
import type { Offers } from "../shop/offers.ts";
import type { CouponTerms } from "./coupon-terms.ts";
import { priceLines } from "./price-lines.ts";
import { type CartSources, takeCart } from "./take-cart.ts";

/** A requested order. Its id is derived from user, key and body. */
export interface AskedOrder {
  readonly userId: UserId;
  readonly orderId: OrderId;
  readonly idempotencyKey: string;
  readonly order: PlaceOrder;
}

export interface PricingParts extends CartSources {
  readonly offers: Offers;
  readonly couponTerms: CouponTerms;
  /** The country of an order without an address. */
  readonly defaultCountry: string;
  readonly countriesServed: ReadonlySet<string>;
  /** The token for an order without `payment`; null: such an order is refused if it costs anything. */
  readonly defaultPaymentToken: string | null;
  readonly pointsCurrency: Currency;
}

export interface PricedOrder {
  readonly created: OrderCreated;
  /** For an order from the cart: see take-cart.ts. */
  readonly cartVersion: string;
}

/** Fixes everything that an order's steps need. @throws StampedeError with the code of the refusal */
export type PriceOrder = (asked: AskedOrder) => Promise<PricedOrder>;

/**
 * The token of an order that names no payment and costs nothing; no charge follows. The event has the member, because
 * consumers of an earlier release require it.
 */
const NO_PAYMENT: PaymentMethod = { token: "none" };

export function createPriceOrder(parts: PricingParts): PriceOrder {
  const { offers, couponTerms, defaultCountry, countriesServed, defaultPaymentToken, pointsCurrency } = parts;

  /** The token of an order without `payment`. */
  function paymentOf(payable: Money): PaymentMethod {
    if (defaultPaymentToken !== null) return { token: defaultPaymentToken };
    if (payable > 0) {
      throw new StampedeError("VALIDATION_FAILED", `payment: required, because ${payable} is left to pay`);
    }
    return NO_PAYMENT;
  }

  return async ({ userId, orderId, idempotencyKey, order }) => {
    const shipping = order.shipping ?? { country: defaultCountry };
    if (!countriesServed.has(shipping.country)) {
      throw new StampedeError("SHIPPING_NOT_SERVED", `orders are not shipped to ${shipping.country}`);
    }
    const cart = order.items === undefined ? await takeCart(parts, userId, orderId) : null;
    const lines = order.items ?? mergeLines(cart!.lines);
    if (lines.length === 0) throw new StampedeError("CART_EMPTY");
    const [known, terms] = await Promise.all([
      offers.of(lines.map(({ productId }) => productId)),
      order.couponId === undefined ? null : couponTerms(order.couponId, userId, orderId),
    ]);
    const priced = priceLines(lines, known, terms, { amount: order.pointsToUse ?? NOTHING, currency: pointsCurrency });
    const data: OrderCreated["data"] = {
      orderId,
      userId,
      orderNumber: orderNumberOf(orderId),
      idempotencyKey,
      source: order.from ?? "items",
      ...priced,
      couponId: order.couponId ?? null,
      payment: order.payment ?? paymentOf(priced.payableAmount),
      shipping,
    };
    return { created: orderCreated(data, Date.now()), cartVersion: cart?.version ?? "" };
  };
}
