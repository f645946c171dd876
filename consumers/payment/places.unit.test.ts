import { expect, test } from "bun:test";
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
