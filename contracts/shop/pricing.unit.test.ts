import { expect, test } from "bun:test";
import fc from "fast-check";
import type { ProductId } from "../orders/ids.ts";
import { MAX_MONEY, type Money, moneyOf, NOTHING } from "../wire/money.ts";
import { type DiscountTerms, discountOn, priceOrder } from "./pricing.ts";

const line = (unitPrice: number, quantity = 1) => ({
  productId: "p" as ProductId,
  unitPrice: moneyOf(unitPrice),
  quantity,
});
const tenPercent = {
  discountType: "PERCENT",
  discountValue: 10,
  maxDiscount: null,
  minOrderAmount: moneyOf(1_000),
} as const;
const code = (expected: string) => expect.objectContaining({ code: expected });

test("the coupon is taken off the lines' sum, points off what remains", () => {
  expect(priceOrder([line(999, 2), line(1)], tenPercent, moneyOf(500))).toEqual({
    totalAmount: moneyOf(1_999),
    discountAmount: moneyOf(199),
    pointsUsed: moneyOf(500),
    payableAmount: moneyOf(1_300),
  });
});

test("points may pay for everything, not for more", () => {
  expect(priceOrder([line(1_000)], tenPercent, moneyOf(900)).payableAmount).toBe(NOTHING);
  expect(() => priceOrder([line(1_000)], tenPercent, moneyOf(901))).toThrow(code("POINTS_EXCEED_AMOUNT"));
});

test("the minimum counts before the discount", () => {
  expect(priceOrder([line(1_000)], tenPercent, NOTHING).discountAmount).toBe(moneyOf(100));
  expect(() => priceOrder([line(999)], tenPercent, NOTHING)).toThrow(code("MIN_ORDER_AMOUNT"));
});

test("a total beyond the largest amount is refused, in one line or in their sum", () => {
  expect(() => priceOrder([line(MAX_MONEY, 2)], null, NOTHING)).toThrow(code("AMOUNT_OUT_OF_RANGE"));
  expect(() => priceOrder([line(MAX_MONEY), line(1)], null, NOTHING)).toThrow(code("AMOUNT_OUT_OF_RANGE"));
  expect(priceOrder([line(MAX_MONEY)], null, NOTHING).payableAmount).toBe(moneyOf(MAX_MONEY));
});

const terms = (type: "FIXED" | "PERCENT", value: number, cap: number | null = null, minimum = 0): DiscountTerms => ({
  discountType: type,
  discountValue: value,
  maxDiscount: cap as Money | null,
  minOrderAmount: moneyOf(minimum),
});

const cases: [string, number, DiscountTerms, number | "MIN_ORDER_AMOUNT"][] = [
  ["a fixed amount", 10_000, terms("FIXED", 1_500), 1_500],
  ["a fixed amount over the total takes the total", 1_000, terms("FIXED", 1_500), 1_000],
  ["a fixed amount with a cap", 10_000, terms("FIXED", 1_500, 1_000), 1_000],
  ["a percentage", 10_000, terms("PERCENT", 15), 1_500],
  ["a percentage of an odd amount is rounded down", 999, terms("PERCENT", 15), 149],
  ["one percent of less than a hundred is nothing", 99, terms("PERCENT", 1), 0],
  ["a percentage below its cap", 10_000, terms("PERCENT", 15, 2_000), 1_500],
  ["a percentage above its cap", 20_000, terms("PERCENT", 15, 2_000), 2_000],
  ["a cap of nothing", 20_000, terms("PERCENT", 15, 0), 0],
  ["all of it", 12_345, terms("PERCENT", 100), 12_345],
  ["all of the largest amount", MAX_MONEY, terms("PERCENT", 100), MAX_MONEY],
  ["exactly the minimum", 5_000, terms("FIXED", 100, null, 5_000), 100],
  ["one below the minimum", 4_999, terms("FIXED", 100, null, 5_000), "MIN_ORDER_AMOUNT"],
  ["an order of nothing", 0, terms("FIXED", 100), 0],
];

for (const [what, total, of, expected] of cases) {
  test(`discount: ${what}`, () => {
    const discount = () => discountOn(moneyOf(total), of);
    if (expected === "MIN_ORDER_AMOUNT") {
      expect(discount).toThrow(expect.objectContaining({ code: "MIN_ORDER_AMOUNT" }));
    } else {
      expect<number>(discount()).toBe(expected);
    }
  });
}

test("a discount is a whole amount, at most the total and the cap, and grows with the total", () => {
  const anyTerms = fc.oneof(
    fc.record({ value: fc.integer({ min: 1, max: 100 }), type: fc.constant("PERCENT" as const) }),
    fc.record({ value: fc.integer({ min: 1, max: 1_000_000 }), type: fc.constant("FIXED" as const) }),
  );
  const cap = fc.option(fc.nat(100_000));
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.nat(1_000), anyTerms, cap, (total, more, { type, value }, max) => {
      const of = terms(type, value, max);
      const off = discountOn(moneyOf(total), of);
      expect(Number.isSafeInteger(off)).toBe(true);
      expect(off).toBeLessThanOrEqual(Math.min(total, max ?? total));
      expect(discountOn(moneyOf(Math.min(total + more, MAX_MONEY)), of)).toBeGreaterThanOrEqual(off);
    }),
  );
});
