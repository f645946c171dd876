import { expect, test } from "bun:test";
import { newCouponId, newRequestId } from "../../../contracts/wire/ids.ts";
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

test("a claim whose slot or epoch is unusable is read all the same: it is decided again", () => {
  for (const name of ["slot", "epoch"] as const) {
    for (const bad of [undefined, null, 0, -1, 1.5, 2_147_483_648, 1e20, "banana"]) {
      const value = JSON.stringify({ type: "CouponClaimed", data: { ...data, [name]: bad } });
      expect(parseClaim(record(value)).data as object).toEqual({ ...data, [name]: 0 });
    }
  }
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
    ...["couponId", "userId", "requestId", "ledgerId"].map((name) =>
      JSON.stringify({ type: "CouponClaimed", data: { ...data, [name]: undefined } }),
    ),
    JSON.stringify({ type: "CouponClaimed", data: { ...data, userId: 'x"y' } }),
    JSON.stringify({ type: "CouponClaimed", data: { ...data, requestId: "short" } }),
  ];
  for (const value of wrong) {
    expect(() => parseClaim(record(value))).toThrow(expect.objectContaining({ code: "VALIDATION_FAILED" }));
  }
  const bytes = { ...record(""), value: new Uint8Array([0xff, 0xfe, 0x00]) };
  expect(() => parseClaim(bytes)).toThrow(expect.objectContaining({ code: "VALIDATION_FAILED" }));
});
