import { expect, test } from "bun:test";
import fc from "fast-check";
import { MAX_MONEY, type Money, moneyOf } from "../wire/money.ts";
import { type DiscountTerms, discountOn } from "./discount.ts";

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
