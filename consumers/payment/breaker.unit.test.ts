import { expect, test } from "bun:test";
import { PaymentBreaker } from "./breaker.ts";

/** Calls of users who each pay once. */
const countAll = (breaker: PaymentBreaker, ...results: boolean[]) => {
  results.forEach((works, i) => {
    breaker.count(works, { key: `user-${i}` });
  });
};

test("half of ten calls without an answer open it; then one call at a time tries, and an answer closes it", () => {
  const changes: boolean[] = [];
  const breaker = new PaymentBreaker(1_000, (open) => changes.push(open));
  countAll(breaker, true, true, true, true, true, false, false, false, false);
  expect(breaker.allowed(64, 0)).toBe(64);
  breaker.count(false, { key: "tenth" });
  expect(changes).toEqual([true]);
  expect([breaker.allowed(64, 10), breaker.allowed(64, 11), breaker.allowed(64, 1_009)]).toEqual([1, 0, 0]);
  expect(breaker.allowed(0, 1_010)).toBe(0);
  expect(breaker.allowed(64, 1_010)).toBe(1);
  breaker.count(false, { key: "ann" });
  expect(breaker.isOpen).toBe(true);
  breaker.count(true, { key: "ann" });
  expect(changes).toEqual([true, false]);
  expect(breaker.allowed(64, 1_011)).toBe(64);
});

test("a few calls mean nothing", () => {
  const breaker = new PaymentBreaker(1_000, () => {});
  countAll(breaker, false, false, false, false);
  expect(breaker.isOpen).toBe(false);
});

test("a user counts once, with the last call: forty in vain of one are one, of five users they open it", () => {
  const breaker = new PaymentBreaker(1_000, () => {});
  for (let i = 0; i < 40; i++) breaker.count(false, { key: "odd" });
  expect(breaker.isOpen).toBe(false);
  for (const user of ["ann", "ben", "cid", "dee"]) {
    expect(breaker.isOpen).toBe(false);
    breaker.count(false, { key: user });
  }
  expect(breaker.isOpen).toBe(true);
});

test("tries of an open breaker avoid, in turn, the users whose calls failed, or no user", () => {
  const breaker = new PaymentBreaker(1_000, () => {});
  countAll(breaker, true, true, true, false, false, false);
  expect(breaker.avoid()).toBeNull();
  const avoided = [0, 1_000, 2_000].map((now) => [breaker.allowed(64, now), breaker.avoid()]);
  expect(avoided).toEqual([
    [1, ["user-3", "user-4", "user-5"]],
    [1, null],
    [1, ["user-3", "user-4", "user-5"]],
  ]);
  breaker.count(true, { key: "ann" });
  expect([breaker.allowed(64, 2_001), breaker.avoid()]).toEqual([64, null]);
});
