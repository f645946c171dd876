import { expect, test } from "bun:test";
import type { CouponId } from "../../contracts/wire/ids.ts";
import { Announcements } from "./reopening-announcements.ts";

const sale = (i: number) => `sale${i}` as CouponId;

/** Announcements that end when they are told to. */
function held() {
  const begun: { couponId: CouponId; inMs: number; end: () => void; fail: (error: Error) => void }[] = [];
  const failed: CouponId[] = [];
  const announce = (couponId: CouponId, _epoch: number, inMs: number) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    begun.push({ couponId, inMs, end: resolve, fail: reject });
    return promise;
  };
  return { begun, failed, announcements: new Announcements(announce, (couponId) => failed.push(couponId)) };
}

test("a sale has one announcement at a time, and the next one after it", async () => {
  const { begun, announcements } = held();
  for (let second = 0; second < 100; second++) announcements.expect(sale(1), 2, 5_000);
  await Bun.sleep(0);
  expect(begun).toHaveLength(1);
  begun[0]!.end();
  await Bun.sleep(0);
  expect(begun).toHaveLength(1);
  announcements.expect(sale(1), 2, 3_000);
  await Bun.sleep(0);
  expect(begun).toHaveLength(2);
});

test("two sales are announced at a time; those in line say what was reported last", async () => {
  const { begun, failed, announcements } = held();
  for (const inMs of [5_000, 60_000]) {
    for (const i of [1, 2, 3]) announcements.expect(sale(i), 2, inMs);
  }
  await Bun.sleep(0);
  expect(begun.map(({ couponId }) => couponId)).toEqual([sale(1), sale(2)]);
  begun[0]!.fail(new Error("no connection"));
  await Bun.sleep(0);
  expect(failed).toEqual([sale(1)]);
  expect(begun.map(({ couponId }) => couponId)).toEqual([sale(1), sale(2), sale(3)]);
  expect(begun[2]!.inMs).toBeGreaterThan(50_000);
  announcements.expect(sale(1), 2, 5_000);
  begun[1]!.end();
  await Bun.sleep(0);
  expect(begun.at(-1)!.couponId).toBe(sale(1));
});
