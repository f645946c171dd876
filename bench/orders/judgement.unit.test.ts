import { expect, test } from "bun:test";
import type { OrderBooks } from "./books.ts";
import { judgeOrders } from "./judgement.ts";
import type { OrderLoadResult } from "./plan.ts";
import type { BenchShop } from "./shop.ts";

const empty = { pairs: [], max: 0 };
const load: OrderLoadResult = {
  placed: 10,
  seconds: 1,
  statuses: { 202: 10 },
  samples: {},
  errors: 0,
  cancels: { 202: 1 },
  cancelsRefused: 0,
  outcomes: {
    "fine COMPLETED": 8,
    "declined CANCELLED PAYMENT_DECLINED": 1,
    "regretted CANCELLED CANCELLED_BY_USER": 1,
  },
  unsettled: 0,
  dropped: 0,
  accepted: empty,
  settled: empty,
};
const shop: BenchShop = {
  prefix: "o1-",
  users: 2,
  goods: { products: [{ id: "p", price: 2_000 }], soldOut: "gone", sales: [], points: 1_000 },
  stock: 100,
};
const books: OrderBooks = {
  ends: { COMPLETED: 8, "CANCELLED PAYMENT_DECLINED": 1, "CANCELLED CANCELLED_BY_USER": 1 },
  captured: 17_000,
  refunded: 1_000,
  payable: 16_000,
  wronglyPaid: 0,
  balance: 1_200,
  booked: 1_200,
  pointsUsed: 800,
  stock: 88,
  reserved: 0,
  confirmed: 12,
  sold: 12,
  couponsUsed: 8,
  couponsAstray: 0,
  ordersWithCoupon: 8,
};

test("a run in which all is right has no complaint", () => {
  expect(judgeOrders(load, books, shop)).toEqual({
    placed: 10,
    completed: 8,
    cancelled: 2,
    reasons: { PAYMENT_DECLINED: 1, CANCELLED_BY_USER: 1 },
    unsettled: 0,
    captured: 17_000,
    refunded: 1_000,
    wrong: [],
  });
});

const heard = (more: Partial<OrderLoadResult>) => judgeOrders({ ...load, ...more }, books, shop);
const held = (more: Partial<OrderBooks>) => judgeOrders(load, { ...books, ...more }, shop);
const ends = (more: Record<string, number>) => held({ ends: { ...books.ends, ...more } });
const wrongs: [string, ReturnType<typeof judgeOrders>, string][] = [
  ["a request without an answer", heard({ errors: 2 }), "2 requests got no answer"],
  ["a refusal", heard({ statuses: { 202: 9, 503: 1 }, samples: { 503: "busy" } }), "1 orders were answered 503: busy"],
  ["a cancellation that failed", heard({ cancels: { 500: 1 } }), "1 requests to cancel were answered 500"],
  ["an owner who was not told", heard({ unsettled: 1 }), "the owners of 1 orders were not told how they ended"],
  ["a socket that was dropped", heard({ dropped: 1 }), "1 sockets were dropped"],
  ["a fine order that failed", heard({ outcomes: { ...load.outcomes, "fine CANCELLED INTERNAL": 1 } }), "1 orders that should be fine ended CANCELLED INTERNAL"],
  ["a doomed order that went well", heard({ outcomes: { ...load.outcomes, "declined COMPLETED": 1 } }), "1 orders that should be declined ended COMPLETED"],
  ["an owner who was told another end", ends({ COMPLETED: 7 }), "8 owners were told COMPLETED, PostgreSQL has 7"],
  ["an order that was not placed", ends({ "CANCELLED INTERNAL": 1 }), "0 owners were told CANCELLED INTERNAL, PostgreSQL has 1"],
  ["an order that is still open", ends({ PROCESSING: 1 }), "1 orders have not ended in PostgreSQL"],
  ["an order that is wrongly paid", held({ wronglyPaid: 1 }), "settled orders wrongly paid: 1 instead of 0"],
  ["money that was kept", held({ refunded: 0 }), "money kept: 17000 instead of 16000"],
  ["points that are gone", held({ balance: 1_100, booked: 1_100 }), "points left: 1100 instead of 1200"],
  ["points without an entry", held({ booked: 1_300 }), "points booked: 1300 instead of 1200"],
  ["pieces that are gone", held({ stock: 87 }), "pieces left: 87 instead of 88"],
  ["pieces that stay reserved", held({ reserved: 1, stock: 87 }), "pieces reserved: 1 instead of 0"],
  ["pieces sold twice", held({ sold: 13 }), "pieces confirmed: 12 instead of 13"],
  ["a coupon used for nothing", held({ couponsUsed: 9 }), "coupons used: 9 instead of 8"],
  ["a coupon that a cancelled order keeps", held({ couponsAstray: 1 }), "coupons used by no order: 1 instead of 0"],
]; // biome-ignore format: one case a line

for (const [what, { wrong }, complaint] of wrongs) {
  test(`${what} is complained about`, () => expect(wrong).toContain(complaint));
}

test("an order that PostgreSQL has open counts as unsettled, told or not", () => {
  expect(ends({ PROCESSING: 3 }).unsettled).toBe(3);
  expect(heard({ unsettled: 2 }).unsettled).toBe(2);
});
