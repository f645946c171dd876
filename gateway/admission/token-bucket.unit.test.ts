import { expect, test } from "bun:test";
import { createRateLimit } from "./token-bucket.ts";

test("a burst passes, the next one waits for its token", () => {
  const limit = createRateLimit(10, 5);
  const at = (ms: number) => limit.allow("u", 1_000_000 + ms);
  expect([at(0), at(0), at(0), at(0), at(0), at(0)]).toEqual([true, true, true, true, true, false]);
  expect(at(99)).toBe(false);
  expect(at(100)).toBe(true);
  expect(at(100)).toBe(false);
});

test("refused tries cost nothing, users do not share a bucket", () => {
  const limit = createRateLimit(1, 1);
  expect(limit.allow("a", 0)).toBe(true);
  for (let i = 0; i < 100; i++) expect(limit.allow("a", 500)).toBe(false);
  expect(limit.allow("b", 500)).toBe(true);
  expect(limit.allow("a", 1000)).toBe(true);
});

test("a bucket never holds more than its burst", () => {
  const limit = createRateLimit(100, 3);
  limit.allow("u", 0);
  const later = [0, 1, 2, 3].map(() => limit.allow("u", 60_000));
  expect(later).toEqual([true, true, true, false]);
});
