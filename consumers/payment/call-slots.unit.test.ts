import { expect, test } from "bun:test";
import { CallSlots } from "./call-slots.ts";

test("slow calls free their slots after a second, up to four times as many calls", async () => {
  let freed = 0;
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const slots = new CallSlots(2, () => void freed++);
  slots.run(() => ended);
  slots.run(() => ended);
  expect(slots.free).toBe(0);
  await Bun.sleep(1_050);
  expect([slots.free, freed]).toEqual([2, 2]);
  for (let i = 0; i < 6; i++) slots.run(() => ended);
  expect([slots.free, slots.running]).toEqual([0, 8]);
  end();
  await slots.empty();
  expect([slots.free, slots.running]).toEqual([2, 0]);
});
