import { expect, test } from "bun:test";
import fc from "fast-check";
import { TokenBuckets } from "./token-buckets.ts";

test("a burst passes, the next one waits for its token", () => {
  const buckets = new TokenBuckets(10, 5, 100);
  const at = (ms: number) => buckets.spend("u", 1, 1_000_000 + ms);
  expect([at(0), at(0), at(0), at(0), at(0), at(0)]).toEqual([0, 0, 0, 0, 0, 100]);
  expect(at(99)).toBe(1);
  expect(at(100)).toBe(0);
  expect(at(100)).toBe(100);
});

test("refused tries cost nothing, keys do not share a bucket", () => {
  const buckets = new TokenBuckets(1, 1, 100);
  expect(buckets.spend("a", 1, 0)).toBe(0);
  for (let i = 0; i < 100; i++) expect(buckets.spend("a", 1, 500)).toBe(500);
  expect(buckets.spend("b", 1, 500)).toBe(0);
  expect(buckets.spend("a", 1, 1000)).toBe(0);
});

test("a bucket never holds more than its burst, and a call never needs more", () => {
  const buckets = new TokenBuckets(100, 3, 100);
  buckets.spend("u", 1, 0);
  expect([0, 1, 2, 3].map(() => buckets.spend("u", 1, 60_000) === 0)).toEqual([true, true, true, false]);
  expect(buckets.spend("v", 50, 60_000)).toBe(0);
  expect(buckets.spend("v", 0.3, 60_000)).toBeGreaterThan(0);
});

test("fractions of tokens add up", () => {
  const buckets = new TokenBuckets(20, 100, 100);
  let reads = 0;
  while (buckets.spend("u", 0.2, 0) === 0) reads++;
  expect(reads).toBe(500);
});

/** A token bucket by the book, which forgets nothing. */
function model(perSecond: number, burst: number) {
  const buckets = new Map<string, { tokens: number; at: number }>();
  return (key: string, tokens: number, nowMs: number): boolean => {
    const bucket = buckets.get(key) ?? { tokens: burst, at: nowMs };
    bucket.tokens = Math.min(burst, bucket.tokens + ((nowMs - bucket.at) / 1000) * perSecond);
    bucket.at = nowMs;
    buckets.set(key, bucket);
    if (bucket.tokens < tokens) return false;
    bucket.tokens -= tokens;
    return true;
  };
}

const calls = fc.array(
  fc.record({ key: fc.constantFrom("a", "b", "c"), tokens: fc.constantFrom(1, 2, 4), pause: fc.nat(16) }),
  { minLength: 1, maxLength: 200 },
);

test("with room for all keys, every answer is that of a bucket that forgets nothing", () => {
  fc.assert(
    fc.property(calls, fc.constantFrom(4, 16, 64), (list, burst) => {
      const buckets = new TokenBuckets(8, burst, 1_000);
      const expected = model(8, burst);
      let now = 0;
      for (const { key, tokens, pause } of list) {
        now += pause * 125; // a token each: binary fractions, so that both compute exactly
        expect(buckets.spend(key, tokens, now) === 0).toBe(expected(key, tokens, now));
      }
    }),
  );
});

test("the wait that a refusal tells is enough, and not a moment too long", () => {
  fc.assert(
    fc.property(calls, (list) => {
      const buckets = new TokenBuckets(8, 4, 1_000);
      let now = 0;
      for (const { key, tokens, pause } of list) {
        now += pause * 25;
        const wait = buckets.spend(key, tokens, now);
        if (wait === 0) continue;
        expect(buckets.spend(key, tokens, now + wait - 0.5)).toBeGreaterThan(0);
        expect(buckets.spend(key, tokens, now + wait)).toBe(0);
        now += wait;
      }
    }),
  );
});

test("any number of keys takes bounded memory, and forgetting refuses no key", () => {
  const buckets = new TokenBuckets(1, 2, 1_000);
  for (let i = 0; i < 100_000; i++) {
    expect(buckets.spend(`key ${i}`, 1, i / 1_000)).toBe(0);
    if (buckets.size > 1_000) throw new Error(`${buckets.size} keys`);
  }
  // A key that is in use is not forgotten, however many others come.
  let allowed = 0;
  for (let i = 0; i < 2_000; i++) {
    buckets.spend(`other ${i}`, 1, 200);
    if (buckets.spend("busy", 1, 200) === 0) allowed++;
  }
  expect(allowed).toBeLessThanOrEqual(2 * (1 + Math.ceil(2_000 / 500)));
});
