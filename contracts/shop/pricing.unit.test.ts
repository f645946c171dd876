import { expect, test } from "bun:test";
import type { ProductId } from "../orders/ids.ts";
import { MAX_MONEY, moneyOf, NOTHING } from "../wire/money.ts";
import { priceOrder } from "./pricing.ts";

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
