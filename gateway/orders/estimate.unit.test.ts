import { expect, test } from "bun:test";
import { createEstimate } from "./estimate.ts";

test("a default without news, then what was measured, in whole seconds, asked for once a second", async () => {
  let clock = 0;
  const news: (number | null)[] = [3_400, 80, null];
  let looks = 0;
  const estimate = createEstimate(
    async () => {
      const p95Ms = news[looks++] ?? null;
      return p95Ms === null ? null : { settledPerS: 1, p50Ms: 1, p95Ms };
    },
    () => {},
    () => clock,
  );
  const said: number[] = [];
  for (clock = 0; clock <= 3_000; clock += 500) {
    said.push(estimate());
    await Bun.sleep(0);
  }
  expect(said).toEqual([2, 4, 4, 1, 1, 2, 2]);
  expect(looks).toBe(4);
});

test("a Redis that does not answer changes nothing", async () => {
  const errors: unknown[] = [];
  const estimate = createEstimate(
    async () => {
      throw new Error("away");
    },
    (error) => errors.push(error),
  );
  estimate();
  await Bun.sleep(0);
  expect(estimate()).toBe(2);
  expect(errors).toHaveLength(1);
});
