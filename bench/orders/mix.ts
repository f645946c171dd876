import type { PlaceOrder } from "../../contracts/orders/http.ts";
import type { ProductId } from "../../contracts/orders/ids.ts";
import type { ProductQuantity } from "../../contracts/orders/parts.ts";
import { REFUSED_POSTAL_CODE } from "../../contracts/orders/shipping.ts";
import type { CouponId } from "../../contracts/wire/ids.ts";
import type { Money } from "../../contracts/wire/money.ts";
import type { Goods, PricedProduct } from "./goods.ts";

/**
 * What will become of an order. fine: coupon, points and card. plain: the card alone. The others are doomed, each in one way:
 * the card is declined, the carrier refuses the address, the user has fewer points, there is nothing left, the user cancels at once
 * (which may come too late).
 */
export const FATES = ["fine", "plain", "declined", "unserved", "poor", "soldOut", "regretted"] as const;
export type OrderFate = (typeof FATES)[number];

const DOOMS = ["declined", "unserved", "poor", "soldOut", "regretted"] as const satisfies readonly OrderFate[];
/** One order in ten is doomed. */
const DOOMED_EVERY = 10;
export const POINTS_AN_ORDER = 100;

/** How the mix's orders may end, as the final message says it. */
export const ENDS: Readonly<Record<OrderFate, readonly string[]>> = {
  fine: ["COMPLETED"],
  plain: ["COMPLETED"],
  declined: ["CANCELLED PAYMENT_DECLINED"],
  unserved: ["CANCELLED SHIPPING_NOT_SERVED"],
  poor: ["CANCELLED INSUFFICIENT_POINTS"],
  soldOut: ["CANCELLED INSUFFICIENT_STOCK"],
  regretted: ["CANCELLED CANCELLED_BY_USER", "COMPLETED"],
};

/** The n-th order's fate, n from 0: always the same, and evenly spread. */
export function fateOf(n: number, plainEvery: number): OrderFate {
  if (n % DOOMED_EVERY === DOOMED_EVERY - 1) return DOOMS[Math.floor(n / DOOMED_EVERY) % DOOMS.length]!;
  return plainEvery > 0 && n % plainEvery === 0 ? "plain" : "fine";
}

/** The n-th order. @param couponId one that its user holds, if any is left */
export function orderOf(n: number, fate: OrderFate, goods: Goods, couponId: string | undefined): PlaceOrder {
  const product = goods.products[n % goods.products.length]!;
  const items = [line(product.id, 1 + (n % 2))];
  const postalCode = fate === "unserved" ? REFUSED_POSTAL_CODE : "10115";
  const order: PlaceOrder = {
    items,
    payment: { token: fate === "declined" ? "tok_decline" : "tok_ok" },
    shipping: { country: "DE", name: `Customer ${n}`, street: "Long Road 1", postalCode, city: "Berlin" },
  };
  if (fate === "plain") return order;
  if (fate === "soldOut") items.push(line(goods.soldOut, 1));
  if (fate === "poor") items[0] = line(product.id, enoughFor(goods.points, product));
  return {
    ...order,
    ...(couponId === undefined ? {} : { couponId: couponId as CouponId }),
    pointsToUse: (fate === "poor" ? goods.points + 1 : POINTS_AN_ORDER) as Money,
  };
}

/** Enough pieces that the price after any coupon is more than the points that this order asks for. */
const enoughFor = (points: number, { price }: PricedProduct): number => Math.ceil((2 * points) / price) + 2;

const line = (productId: string, quantity: number): ProductQuantity => ({
  productId: productId as ProductId,
  quantity,
});
