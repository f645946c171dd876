import { expect, test } from "bun:test";
import { DrainPace } from "./drain-pace.ts";

function pace() {
  const said: number[] = [];
  return { said, pace: new DrainPace((remainingMs) => said.push(remainingMs)) };
}

test("the rest takes as long as the part before it, record by record", () => {
  const { said, pace: drain } = pace();
  drain.records(20_000, 1_000);
  drain.records(15_000, 2_000);
  drain.records(5_000, 4_000);
  expect(said).toEqual([2_000, 3_000, 1_000]);
});

test("it says so once a second, and five seconds while nothing moves or no broker answers", () => {
  const { said, pace: drain } = pace();
  drain.records(100, 1_000);
  drain.records(100, 1_200);
  drain.records(100, 2_000);
  drain.unknown(2_500);
  drain.unknown(3_000);
  expect(said).toEqual([10, 5_000, 5_000]);
});
