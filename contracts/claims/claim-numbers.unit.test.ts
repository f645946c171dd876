import { expect, test } from "bun:test";
import { isEpochText, isFarAhead, slotOrEpoch } from "./claim-numbers.ts";

test("a slot or an epoch is a positive number that PostgreSQL can hold; everything else is unusable", () => {
  for (const good of [1, 7, 2_147_483_647]) expect(slotOrEpoch(good)).toBe(good);
  for (const bad of [0, -1, 1.5, Number.NaN, Infinity, 2_147_483_648, 1e20, null, undefined, "1", {}]) {
    expect(slotOrEpoch(bad)).toBe(0);
  }
});

test("an epoch's text is such a number's, and nothing that merely reads like one", () => {
  for (const good of ["1", "999999999", "1000000000", "2147483647"]) expect(isEpochText(good)).toBe(true);
  for (const bad of ["", "0", "01", "-1", "1.5", "0x5", "1e3", " 1", "1\n", "banana", "2147483648", "9".repeat(20)]) {
    expect(isEpochText(bad)).toBe(false);
  }
});

test("an epoch a million beyond the known one says nothing", () => {
  expect(isFarAhead(1_000_001, 1)).toBe(false);
  expect(isFarAhead(1_000_002, 1)).toBe(true);
  expect(isFarAhead(1, 5)).toBe(false);
});
