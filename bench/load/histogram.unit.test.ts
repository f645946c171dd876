import { expect, test } from "bun:test";
import fc from "fast-check";
import { Histogram } from "./histogram.ts";

test("percentiles are within one percent of the exact ones", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 50_000_000 }), { minLength: 1, maxLength: 300 }), (values) => {
      const histogram = new Histogram();
      for (const value of values) histogram.add(value);
      const sorted = [...values].sort((a, b) => a - b);
      for (const percent of [1, 50, 90, 99, 100]) {
        const exact = sorted[Math.max(1, Math.ceil((percent / 100) * sorted.length)) - 1]!;
        const estimate = histogram.percentile(percent);
        expect(estimate).toBeGreaterThanOrEqual(exact);
        expect(estimate).toBeLessThanOrEqual(exact * 1.01 + 1);
      }
      expect(histogram.max).toBe(sorted.at(-1)!);
    }),
  );
});

test("a histogram survives the way through JSON and adds up with another", () => {
  const first = new Histogram();
  const second = new Histogram();
  for (const value of [3, 500, 70_000]) first.add(value);
  for (const value of [4, 900_000]) second.add(value);
  const copy = Histogram.parse(JSON.parse(JSON.stringify(first)));
  copy.merge(second);
  expect(copy.count).toBe(5);
  expect(copy.max).toBe(900_000);
  expect(copy.percentile(50)).toBeGreaterThanOrEqual(500);
  expect(copy.percentile(50)).toBeLessThan(510);
});

test("an empty histogram says zero", () => {
  expect(new Histogram().percentile(99)).toBe(0);
});
