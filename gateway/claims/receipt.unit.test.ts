import { expect, test } from "bun:test";
import { newCouponId, newRequestId, requestTime, saleOfRequest, type UserId } from "../../contracts/wire/ids.ts";
import { createReceipts } from "./receipt.ts";

const receipts = createReceipts(Buffer.from("key"));
const user = "u1" as UserId;

test("a request id carries its sale and the time to the millisecond", () => {
  const couponId = newCouponId();
  const now = Date.now();
  const requestId = newRequestId(couponId, now);
  expect(saleOfRequest(requestId)).toBe(couponId);
  expect(requestTime(requestId)).toBe(now);
  expect(new Set(Array.from({ length: 20_000 }, () => newRequestId(couponId, now))).size).toBe(20_000);
});

test("a receipt proves its own claim, again and again, and no other", () => {
  const requestId = newRequestId(newCouponId(), Date.now());
  const receipt = receipts.sign(requestId, user);
  expect(receipts.sign(requestId, user)).toBe(receipt);
  expect(receipts.verify(receipt, requestId, user)).toBe(true);
  expect(receipts.verify(receipt, requestId, "u2" as UserId)).toBe(false);
  expect(receipts.verify(receipt, newRequestId(newCouponId(), Date.now()), user)).toBe(false);
  expect(receipts.verify(`${receipt.slice(0, -1)}${receipt.endsWith("A") ? "B" : "A"}`, requestId, user)).toBe(false);
  expect(createReceipts(Buffer.from("other")).verify(receipt, requestId, user)).toBe(false);
});
