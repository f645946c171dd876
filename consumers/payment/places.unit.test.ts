import { expect, test } from "bun:test";
import { gather } from "./gather.ts";
import { createPlaces } from "./places.ts";

test("slow calls give up their places after a second, up to four times as many", async () => {
  let freed = 0;
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const places = createPlaces(2, () => void freed++);
  places.take(() => ended);
  places.take(() => ended);
  expect(places.free()).toBe(0);
  await Bun.sleep(1_050);
  expect([places.free(), freed]).toEqual([2, 2]);
  for (let i = 0; i < 6; i++) places.take(() => ended);
  expect([places.free(), places.busy()]).toEqual([0, 8]);
  end();
  await places.empty();
  expect([places.free(), places.busy()]).toEqual([2, 0]);
});

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
