import { expect, test } from "bun:test";
import { ConsumedUntil } from "./consumed-until.ts";

const lags = (...partitions: [committed: number, end: number][]) =>
  partitions.map(([committed, end], partition) => ({
    topic: "stock-events",
    partition,
    committed,
    end,
    lag: end - Math.max(0, committed),
  }));

test("a group that has read everything has read what was sent before the look", () => {
  expect(new ConsumedUntil().look(lags([5, 5], [-1, 0]), 1_000)).toBe(1_000);
});

test("a group that is behind has read what was sent before the ends that it has passed were noted", () => {
  const until = new ConsumedUntil();
  expect(until.look(lags([3, 5], [2, 2]), 1_000)).toBe(0);
  expect(until.look(lags([4, 9], [2, 8]), 2_000)).toBe(0); // still below the ends of 1,000
  expect(until.look(lags([5, 12], [2, 9]), 3_000)).toBe(1_000); // past them, though never at the end
  expect(until.look(lags([11, 20], [9, 20]), 4_000)).toBe(1_000);
  expect(until.look(lags([12, 30], [9, 30]), 5_000)).toBe(3_000);
  expect(until.look(lags([30, 30], [30, 30]), 6_000)).toBe(6_000);
});

test("a group that never came, and one that has lost a partition's offset, have read nothing new", () => {
  const until = new ConsumedUntil();
  expect(until.look(lags([-1, 1]), 1_000)).toBe(0);
  expect(until.look(lags([1, 1]), 2_000)).toBe(2_000);
  expect(until.look(lags([-1, 1]), 3_000)).toBe(2_000);
  expect(until.look(lags([-1, 1]), 4_000)).toBe(2_000);
});
