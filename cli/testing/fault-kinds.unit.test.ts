import { expect, test } from "bun:test";
import { FAULT_KINDS, faultKindOf } from "./fault-kinds.ts";
import { findTests } from "./tiers.ts";

const root = `${import.meta.dir}/../..`;
const faults = findTests(root).filter(({ tier }) => tier === "fault");

test("every file of the fault tier has a kind", () => {
  expect(faults.length).toBeGreaterThan(20);
  expect(faults.filter(({ file }) => faultKindOf(file) === null)).toEqual([]);
});

test("no kind names a file that is not there, and none names one twice", () => {
  const named = Object.values(FAULT_KINDS).flat();
  const there = faults.map(({ file }) => /([^/]+)\.fault\.test\.ts$/.exec(file)![1]!);
  expect([...named].sort()).toEqual(there.sort() as typeof named);
});
