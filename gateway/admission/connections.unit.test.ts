import { expect, test } from "bun:test";
import { closeSync, openSync } from "node:fs";
import { Crowd } from "./crowd.ts";
import { connectionLimits, descriptorLimit, descriptorsInUse } from "./descriptors.ts";

test("the limits follow from the descriptors, with a reserve, unless they are set", () => {
  expect(connectionLimits({ connections: 0, sockets: 0 }, 20_000)).toEqual({ connections: 19_872, sockets: 17_884 });
  expect(connectionLimits({ connections: 0, sockets: 0 }, 100)).toEqual({ connections: 64, sockets: 57 });
  expect(connectionLimits({ connections: 500, sockets: 0 }, 20_000)).toEqual({ connections: 500, sockets: 450 });
  expect(connectionLimits({ connections: 500, sockets: 20 }, 20_000)).toEqual({ connections: 500, sockets: 20 });
  expect(descriptorLimit()).toBeGreaterThan(0);
});

test("descriptors are counted", () => {
  const before = descriptorsInUse();
  if (before === undefined) return; // not Linux: no limit of connections there
  const files = Array.from({ length: 200 }, () => openSync("/dev/null", "r"));
  const during = descriptorsInUse()!;
  for (const file of files) closeSync(file);
  expect(during - before).toBeGreaterThan(150);
});

test("a crowd is busy near its limit and full at it; ended connections are subtracted until the next count", () => {
  let counted: number | undefined = 89;
  const crowd = new Crowd(100, () => counted);
  const state = () => [crowd.isBusy, crowd.isFull];
  expect(state()).toEqual([false, false]);
  counted = 90;
  crowd.sample();
  expect(state()).toEqual([true, false]);
  counted = 102;
  crowd.sample();
  expect(state()).toEqual([true, true]);
  for (let i = 0; i < 3; i++) crowd.left();
  expect(state()).toEqual([true, false]);
  counted = undefined;
  crowd.sample();
  expect(state()).toEqual([false, false]);
  crowd.stop();
});
