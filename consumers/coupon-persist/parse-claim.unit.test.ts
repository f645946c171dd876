import { expect, test } from "bun:test";
import { newCouponId, newRequestId } from "../../contracts/ids.ts";
import { parseClaim } from "./parse-claim.ts";

const couponId = newCouponId();
const data = {
  couponId,
  userId: "ann",
  requestId: newRequestId(couponId, Date.now()),
  slot: 1,
  epoch: 1,
  ledgerId: "1-1",
};
const record = (value: string | null) => ({
  topic: "t",
  partition: 0,
  offset: 0,
  key: null,
  value: value === null ? null : Buffer.from(value),
  headers: {},
  timestamp: 0,
});

test("a claim is read from its record", () => {
  expect(parseClaim(record(JSON.stringify({ type: "CouponClaimed", data }))).data as object).toEqual(data);
});

test("everything else is refused with a code, never with a crash", () => {
  const wrong = [
    null,
    "",
    "null",
    "7",
    "[]",
    "{",
    '"text"',
    JSON.stringify({ type: "CouponIssued", data }),
    JSON.stringify({ type: "CouponClaimed" }),
    ...Object.keys(data).map((name) => JSON.stringify({ type: "CouponClaimed", data: { ...data, [name]: undefined } })),
    JSON.stringify({ type: "CouponClaimed", data: { ...data, slot: 0 } }),
    JSON.stringify({ type: "CouponClaimed", data: { ...data, slot: 1.5 } }),
    JSON.stringify({ type: "CouponClaimed", data: { ...data, userId: 'x"y' } }),
    JSON.stringify({ type: "CouponClaimed", data: { ...data, requestId: "short" } }),
  ];
  for (const value of wrong) {
    expect(() => parseClaim(record(value))).toThrow(expect.objectContaining({ code: "VALIDATION_FAILED" }));
  }
  const bytes = { ...record(""), value: new Uint8Array([0xff, 0xfe, 0x00]) };
  expect(() => parseClaim(bytes)).toThrow(expect.objectContaining({ code: "VALIDATION_FAILED" }));
});
