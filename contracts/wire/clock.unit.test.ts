import { expect, test } from "bun:test";
import { FIRST_MOMENT_MS, requireSetClock } from "./clock.ts";
import { isRequestId, newCouponId, newRequestId, requestTime } from "./ids.ts";

test("a process does not start with a clock that was never set, and says what to do", () => {
  expect(() => requireSetClock(0)).toThrow(/clock shows 1970-01-01T00:00:00.000Z, which is before 2025\. Set it/);
  expect(() => requireSetClock(FIRST_MOMENT_MS - 1)).toThrow("2024-12-31T23:59:59.999Z");
  expect(() => requireSetClock(FIRST_MOMENT_MS)).not.toThrow();
  expect(() => requireSetClock()).not.toThrow();
});

test("a clock that is set to another time while the process runs makes no id that is none", () => {
  const couponId = newCouponId();
  const year9999 = Date.UTC(9999, 11, 31);
  for (const at of [
    0,
    -1,
    FIRST_MOMENT_MS - 1,
    FIRST_MOMENT_MS,
    FIRST_MOMENT_MS + 0.75,
    year9999,
    Number.MAX_SAFE_INTEGER,
  ]) {
    const requestId = newRequestId(couponId, at);
    expect(isRequestId(requestId)).toBe(true);
    expect(requestTime(requestId)).toBeGreaterThanOrEqual(FIRST_MOMENT_MS);
  }
  expect(requestTime(newRequestId(couponId, 0))).toBe(FIRST_MOMENT_MS);
  expect(requestTime(newRequestId(couponId, FIRST_MOMENT_MS + 1_234_567))).toBe(FIRST_MOMENT_MS + 1_234_567);
});
