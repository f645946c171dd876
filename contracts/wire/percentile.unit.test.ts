import { expect, test } from "bun:test";
import type { UserId } from "./ids.ts";
import { percentileOf } from "./percentile.ts";

test.each([
  ["user-42", 98],
  ["a", 15],
  ["alice:1", 54],
  ["0b7c1f9e-4a51-4a8e-8a8e-1f2d3c4b5a69", 57],
])("%s stays in the part where it has always been", (name, part) => {
  expect(percentileOf(name as UserId)).toBe(part);
});

test.each([
  ["numbered users", (i: number) => `user-${i}`],
  ["users by a long number", (i: number) => String(10_000_000_000 + i)],
  ["random ids", () => crypto.randomUUID()],
])("%s spread evenly over the hundred parts", (_, name) => {
  const parts = new Array<number>(100).fill(0);
  for (let i = 0; i < 100_000; i++) parts[percentileOf(name(i) as UserId)]!++;
  // 1,000 expected in each, standard deviation 31: six of them are no accident.
  expect(Math.min(...parts)).toBeGreaterThan(810);
  expect(Math.max(...parts)).toBeLessThan(1_190);
});
