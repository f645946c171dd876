import { expect, test } from "bun:test";
import fc from "fast-check";
import { add, MAX_MONEY, type Money, moneyOf, NOTHING, percentOf, subtract, times } from "./money.ts";

const cents = (value: number) => moneyOf(value);
const amounts = fc.oneof(fc.maxSafeNat(), fc.nat(10_000)) as fc.Arbitrary<Money>;
const exact = (value: bigint): Money | string =>
  value <= BigInt(MAX_MONEY) && value >= 0n ? (Number(value) as Money) : "AMOUNT_OUT_OF_RANGE";

/** The result, or the code it was refused with. */
function outcome(calculate: () => Money): Money | string {
  try {
    return calculate();
  } catch (error) {
    return (error as { code: string }).code;
  }
}

test("what is no amount is refused", () => {
  for (const value of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, MAX_MONEY + 1])
    expect(outcome(() => moneyOf(value))).toBe("AMOUNT_OUT_OF_RANGE");
  expect(moneyOf(0)).toBe(NOTHING);
});

test("sums, differences and products are exact or refused, never rounded", () => {
  fc.assert(
    fc.property(amounts, amounts, fc.nat(1_000_000), (a, b, quantity) => {
      expect(outcome(() => add(a, b))).toBe(exact(BigInt(a) + BigInt(b)));
      expect(outcome(() => subtract(a, b))).toBe(exact(BigInt(a) - BigInt(b)));
      expect(outcome(() => times(a, quantity))).toBe(exact(BigInt(a) * BigInt(quantity)));
    }),
  );
});

test("a quantity that is no count is refused", () => {
  for (const quantity of [-1, 1.5, Number.NaN])
    expect(outcome(() => times(cents(1), quantity))).toBe("AMOUNT_OUT_OF_RANGE");
});

test("a percentage is exact up to the largest amount, and rounded down", () => {
  fc.assert(
    fc.property(amounts, fc.integer({ min: 0, max: 100 }), (amount, percent) => {
      expect(percentOf(amount, percent)).toBe(Number((BigInt(amount) * BigInt(percent)) / 100n) as Money);
    }),
  );
});
