import { expect, test } from "bun:test";
import { Stranded } from "./stranded.ts";

test("who never had partitions, or has some, is not stranded", () => {
  const stranded = new Stranded();
  expect(stranded.isDue(1e9)).toBe(false);
  stranded.assigned();
  stranded.revoked(2, 0);
  expect(stranded.isDue(1e9)).toBe(false);
});

test("who lost all is due after 30 s, then after twice as long each time, at most ten minutes; partitions end it", () => {
  const stranded = new Stranded();
  stranded.assigned();
  stranded.revoked(0, 0);
  stranded.revoked(0, 20_000); // still the same loss
  const due: number[] = [];
  for (let now = 0; now <= 3_000_000; now += 10_000) if (stranded.isDue(now)) due.push(now / 1_000);
  expect(due).toEqual([30, 90, 210, 450, 930, 1_530, 2_130, 2_730]);
  stranded.assigned();
  expect(stranded.isDue(9e9)).toBe(false);
  stranded.revoked(0, 5_000_000);
  expect([stranded.isDue(5_029_000), stranded.isDue(5_030_000)]).toEqual([false, true]);
});
