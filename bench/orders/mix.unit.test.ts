import { expect, test } from "bun:test";
import { Value } from "@sinclair/typebox/value";
import { PlaceOrder } from "../../contracts/orders/http.ts";
import type { OrderLine } from "../../contracts/orders/parts.ts";
import { priceOrder } from "../../contracts/shop/pricing.ts";
import { type Money, NOTHING } from "../../contracts/wire/money.ts";
import type { Goods } from "./goods.ts";
import { FATES, fateOf, orderOf } from "./mix.ts";

const goods: Goods = {
  products: Array.from({ length: 20 }, (_, n) => ({ id: `product-${n}`, price: 2_000 + 250 * n })),
  soldOut: "gone",
  sales: ["7qj4x0m2kd9a"],
  points: 1_000,
};
const fates = Array.from({ length: 1_000 }, (_, n) => fateOf(n, 10));
const count = (fate: string) => fates.filter((one) => one === fate).length;

test("a tenth is doomed, in five ways; a tenth is plain where that is wanted", () => {
  for (const doom of ["declined", "unserved", "poor", "soldOut", "regretted"]) expect(count(doom)).toBe(20);
  expect([count("plain"), count("fine")]).toEqual([100, 800]);
  expect(Array.from({ length: 1_000 }, (_, n) => fateOf(n, 0))).not.toContain("plain");
});

test("the door takes every order; who is poor has fewer points than are asked for, and not too many for the amount", () => {
  for (let n = 0; n < 200; n++) {
    for (const fate of FATES) {
      const order = orderOf(n, fate, goods, goods.sales[0]);
      expect(Value.Check(PlaceOrder, order)).toBe(true);
      const lines = order.items!.map((item): OrderLine => {
        const price = goods.products.find(({ id }) => id === item.productId)?.price ?? 1_000;
        return { ...item, unitPrice: price as Money };
      });
      // The coupon that takes off most.
      const terms = {
        discountType: "PERCENT",
        discountValue: 20,
        maxDiscount: 1_000 as Money,
        minOrderAmount: NOTHING,
      } as const;
      const amounts = priceOrder(lines, order.couponId ? terms : null, order.pointsToUse ?? NOTHING);
      expect(amounts.payableAmount).toBeGreaterThan(0);
      expect(amounts.pointsUsed > goods.points).toBe(fate === "poor");
    }
  }
});

test("without a coupon that is left, an order goes without", () => {
  expect(orderOf(1, "fine", goods, undefined)).not.toHaveProperty("couponId");
});
