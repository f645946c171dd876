import { expect, test } from "bun:test";
import type { ProductId } from "../../contracts/orders/ids.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { Currency, Money } from "../../contracts/wire/money.ts";
import type { Offer } from "../../db/shop/products.ts";
import { type CouponOffer, priceLines } from "./price-lines.ts";

const euro = "EUR" as Currency;
const money = (value: number) => value as Money;
const offer = (id: string, price: number, more: Partial<Offer> = {}): [ProductId, Offer] => {
  const productId = id as ProductId;
  const unchanged = { currency: euro, flash: false, listed: true };
  return [productId, { productId, name: id, price: money(price), ...unchanged, ...more }];
};
const offers = new Map<ProductId, Offer | null>([
  offer("cup", 300),
  offer("gold", Number.MAX_SAFE_INTEGER),
  offer("mug", 1_000, { flash: true }),
  offer("dollar", 1, { currency: "USD" as Currency }),
  offer("free", 0),
  ["gone" as ProductId, null],
]);
const lines = (wanted: Record<string, number>) =>
  Object.entries(wanted).map(([productId, quantity]) => ({ productId: productId as ProductId, quantity }));
const tenth: CouponOffer = {
  discountType: "PERCENT",
  discountValue: 10,
  maxDiscount: null,
  minOrderAmount: money(1_000),
  currency: euro,
};
const points = (amount: number, currency = euro) => ({ amount: money(amount), currency });

test("lines get the catalogue's prices, then the coupon, then the points; flash lines are named", () => {
  expect(priceLines(lines({ cup: 2, mug: 1 }), offers, tenth, points(40))).toEqual({
    items: [
      { productId: "cup" as ProductId, quantity: 2, unitPrice: money(300) },
      { productId: "mug" as ProductId, quantity: 1, unitPrice: money(1_000) },
    ],
    flashItems: [{ productId: "mug" as ProductId, quantity: 1 }],
    currency: euro,
    totalAmount: money(1_600),
    discountAmount: money(160),
    pointsUsed: money(40),
    payableAmount: money(1_400),
  });
});

test("points may pay all of it, and no more", () => {
  expect(priceLines(lines({ cup: 1 }), offers, null, points(300)).payableAmount).toBe(money(0));
  expect(codeOf(() => priceLines(lines({ cup: 1 }), offers, null, points(301)))).toBe("POINTS_EXCEED_AMOUNT");
});

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof StampedeError) return error.code;
    throw error;
  }
  return "none";
}

test.each([
  [{ gone: 1 }, null, "PRODUCT_NOT_FOUND"],
  [{ never: 1 }, null, "PRODUCT_NOT_FOUND"],
  [{ cup: 1, dollar: 1 }, null, "CURRENCIES_DIFFER"],
  [{ gold: 2 }, null, "AMOUNT_OUT_OF_RANGE"],
  [{ cup: 1, gold: 1 }, null, "AMOUNT_OUT_OF_RANGE"],
  [{ cup: 1 }, tenth, "MIN_ORDER_AMOUNT"],
  [{ dollar: 2_000 }, tenth, "CURRENCIES_DIFFER"],
  [{ cup: 4 }, { ...tenth, maxDiscount: money(0) }, "COUPON_WITHOUT_EFFECT"],
  [{ free: 1 }, { ...tenth, minOrderAmount: money(0) }, "COUPON_WITHOUT_EFFECT"],
  [{ dollar: 9 }, { ...tenth, minOrderAmount: money(0), currency: "USD" as Currency }, "COUPON_WITHOUT_EFFECT"],
] as const)("%j is refused", (wanted, terms, code) => {
  expect(codeOf(() => priceLines(lines(wanted), offers, terms, points(0)))).toBe(code);
});

test("points are worth something in their own currency only; who uses none may order in any", () => {
  expect(codeOf(() => priceLines(lines({ dollar: 1 }), offers, null, points(1)))).toBe("CURRENCIES_DIFFER");
  expect(priceLines(lines({ dollar: 1 }), offers, null, points(0)).payableAmount).toBe(money(1));
  expect(priceLines(lines({ dollar: 1 }), offers, null, points(1, "USD" as Currency)).payableAmount).toBe(money(0));
});
