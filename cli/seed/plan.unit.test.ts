import { expect, test } from "bun:test";
import { isProductId } from "../../contracts/orders/ids.ts";
import { isUserId } from "../../contracts/wire/ids.ts";
import { portions, seedBalance, seedProduct } from "./plan.ts";

const products = Array.from({ length: 1_000 }, (_, i) => seedProduct(i + 1));

test("the same products in every run, with valid ids, prices and stock", () => {
  expect(products.map(({ id }) => id)).toEqual(products.map((_, i) => seedProduct(i + 1).id));
  expect(new Set(products.map(({ id }) => id)).size).toBe(1_000);
  for (const { id, price, stock } of products) {
    expect(isProductId(id)).toBe(true);
    expect(price).toBeWithin(199, 30_200);
    expect(stock).toBeWithin(100, 10_001);
  }
});

test("a tenth are flash products, and few of those there are", () => {
  const flash = products.filter((one) => one.flash);
  expect(flash).toHaveLength(100);
  expect(Math.max(...flash.map(({ stock }) => stock))).toBeLessThanOrEqual(500);
});

test("prices and points are spread, not one value", () => {
  expect(new Set(products.map(({ price }) => price)).size).toBeGreaterThan(200);
  const balances = Array.from({ length: 1_000 }, (_, i) => seedBalance(i + 1));
  expect(new Set(balances.map(({ points }) => points)).size).toBe(39);
  for (const { userId, points } of balances) {
    expect(isUserId(userId)).toBe(true);
    expect(points).toBeWithin(1_000, 20_001);
  }
});

test.each([
  [0, 5, []],
  [3, 5, [[1, 2, 3]]],
  [5, 5, [[1, 2, 3, 4, 5]]],
  [7, 3, [[1, 2, 3], [4, 5, 6], [7]]],
])("%d in portions of %d", (total, size, expected) => {
  expect([...portions(total, size)]).toEqual(expected);
});
