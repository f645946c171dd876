import { expect, test } from "bun:test";
import { RejoinTimer } from "./rejoin-timer.ts";

test("a consumer that never had partitions, or still has some, is never due", () => {
  const rejoinTimer = new RejoinTimer();
  expect(rejoinTimer.isDue(1e9)).toBe(false);
  rejoinTimer.assigned();
  rejoinTimer.revoked(2, 0);
  expect(rejoinTimer.isDue(1e9)).toBe(false);
});

test("a consumer that lost all partitions is due after 30 s, then after twice as long each time, at most ten minutes; partitions end it", () => {
  const rejoinTimer = new RejoinTimer();
  rejoinTimer.assigned();
  rejoinTimer.revoked(0, 0);
  rejoinTimer.revoked(0, 20_000); // still the same loss
  const due: number[] = [];
  for (let now = 0; now <= 3_000_000; now += 10_000) if (rejoinTimer.isDue(now)) due.push(now / 1_000);
  expect(due).toEqual([30, 90, 210, 450, 930, 1_530, 2_130, 2_730]);
  rejoinTimer.assigned();
  expect(rejoinTimer.isDue(9e9)).toBe(false);
  rejoinTimer.revoked(0, 5_000_000);
  expect([rejoinTimer.isDue(5_029_000), rejoinTimer.isDue(5_030_000)]).toEqual([false, true]);
});
