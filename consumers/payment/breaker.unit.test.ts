import { expect, test } from "bun:test";
import { createBreaker } from "./breaker.ts";

test("half of ten calls without an answer open it; then one call at a time tries, and an answer closes it", () => {
  const changes: boolean[] = [];
  const breaker = createBreaker(1_000, (open) => changes.push(open));
  for (const known of [true, true, true, true, true, false, false, false, false]) breaker.count(known);
  expect(breaker.allowed(64, 0)).toBe(64);
  breaker.count(false);
  expect(changes).toEqual([true]);
  expect([breaker.allowed(64, 10), breaker.allowed(64, 11), breaker.allowed(64, 1_009)]).toEqual([1, 0, 0]);
  expect(breaker.allowed(0, 1_010)).toBe(0);
  expect(breaker.allowed(64, 1_010)).toBe(1);
  breaker.count(false);
  expect(breaker.isOpen).toBe(true);
  breaker.count(true);
  expect(changes).toEqual([true, false]);
  expect(breaker.allowed(64, 1_011)).toBe(64);
});

test("a few calls mean nothing", () => {
  const breaker = createBreaker(1_000, () => {});
  for (let i = 0; i < 4; i++) breaker.count(false);
  expect(breaker.isOpen).toBe(false);
});
