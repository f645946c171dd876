import { expect, test } from "bun:test";
import type { OrderId } from "../../contracts/orders/ids.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { CouponId, UserId } from "../../contracts/wire/ids.ts";
import type { HeldCouponStatus } from "../../db/claims/find.ts";
import type { WinState } from "../../lua/win-state.ts";
import { createCouponTerms } from "./coupon-terms.ts";

const [coupon, ann, order] = ["c" as CouponId, "ann" as UserId, "o1" as OrderId];
const away = new StampedeError("DATABASE_UNAVAILABLE");

const NOON = Date.UTC(2027, 0, 1, 12);

/** What is decided here is only whose word counts. */
function terms(held: HeldCouponStatus | null | Error, won: WinState, exists = true, validUntil: Date | null = null) {
  let looks = 0;
  const ask = createCouponTerms({
    async findSale() {
      looks++;
      const sale = {
        discountType: "FIXED",
        discountValue: 5,
        maxDiscount: null,
        minOrderAmount: 0,
        currency: "EUR",
        validUntil,
      };
      return exists ? (sale as never) : null;
    },
    async findHeld() {
      if (held instanceof Error) throw held;
      return held;
    },
    holding: async () => won,
    now: () => NOON,
    onError() {},
  });
  const answer = () =>
    ask(coupon, ann, order).then(
      ({ discountValue }) => discountValue,
      (error) => error.code ?? error.message,
    );
  return { answer, looks: () => looks };
}

test.each([
  [{ status: "ACTIVE", orderId: null }, "NOT_WON", 5],
  [{ status: "USED", orderId: "o1" as OrderId }, "NOT_WON", 5],
  [{ status: "USED", orderId: "o2" as OrderId }, "WON", "COUPON_ALREADY_USED"],
  [null, "WON", 5],
  [null, "UNKNOWN", 5],
  [null, "NOT_WON", "COUPON_NOT_HELD"],
  [away, "WON", 5],
  [away, "NOT_WON", "COUPON_NOT_HELD"],
  [new Error("a mistake"), "WON", "a mistake"],
] as const)("PostgreSQL says %p, Redis says %p: %p", async (held, won, expected) => {
  expect(await terms(held as HeldCouponStatus | null, won).answer()).toBe(expected);
});

test("a sale that is not there is not found, and asked for again; one that is there is remembered", async () => {
  const missing = terms(null, "WON", false);
  expect([await missing.answer(), await missing.answer(), missing.looks()]).toEqual([
    "COUPON_NOT_FOUND",
    "COUPON_NOT_FOUND",
    2,
  ]);
  const there = terms(null, "WON");
  await there.answer();
  await there.answer();
  expect(there.looks()).toBe(1);
});

test("a coupon is good until the moment its validity ends", async () => {
  expect(await terms(null, "WON", true, new Date(NOON + 1)).answer()).toBe(5);
  expect(await terms(null, "WON", true, new Date(NOON)).answer()).toBe("COUPON_EXPIRED");
});
