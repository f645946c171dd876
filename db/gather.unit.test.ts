import { expect, test } from "bun:test";
import { gather } from "./gather.ts";

test("what comes while a batch is under way is the next batch; a failure is everybody's in it", async () => {
  const batches: number[][] = [];
  const double = gather<number, number>(async (items) => {
    batches.push([...items]);
    await Bun.sleep(5);
    if (items.includes(13)) throw new Error("thirteen");
    return items.map((item) => 2 * item);
  }, 3);
  const first = double(1);
  await Bun.sleep(1);
  const later = await Promise.allSettled([double(2), double(3), double(4), double(13), double(5)]);
  expect(await first).toBe(2);
  expect(batches).toEqual([[1], [2, 3, 4], [13, 5]]);
  expect(later.map((one) => (one.status === "fulfilled" ? one.value : "failed"))).toEqual([
    4,
    6,
    8,
    "failed",
    "failed",
  ]);
  expect(await double(6)).toBe(12);
});
