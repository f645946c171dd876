import { expect, test } from "bun:test";
import { createAckBreaker } from "./breaker.ts";

function scenario() {
  const changes: boolean[] = [];
  const breaker = createAckBreaker((open) => changes.push(open));
  const times = (n: number, what: () => void) => {
    for (let i = 0; i < n; i++) what();
  };
  return { breaker, changes, times };
}

test("late reports in a row open it, one on time among them does not count as none", () => {
  const { breaker, changes, times } = scenario();
  times(7, breaker.late);
  breaker.onTime();
  times(7, breaker.late);
  expect(breaker.shouldWait()).toBe(true);
  breaker.late();
  expect(breaker.shouldWait()).toBe(false);
  expect(changes).toEqual([true]);
});

test("it closes when reports are on time again in a row", () => {
  const { breaker, changes, times } = scenario();
  times(8, breaker.late);
  times(7, breaker.onTime);
  breaker.late();
  times(7, breaker.onTime);
  expect(breaker.open).toBe(true);
  breaker.onTime();
  expect(breaker.open).toBe(false);
  expect(changes).toEqual([true, false]);
});
