import { expect, test } from "bun:test";
import { LedgerAges } from "./ledger-ages.ts";

const AGE_MS = 5_000;
const HOUR_MS = 3_600_000;

test("an entry is as old as its id says, by Redis' clock", () => {
  const ages = new LedgerAges();
  const ids = ["1000-0", "5000-0", "5001-0", "9000-0"];
  expect(ages.oldest("a", ids, 10_000, AGE_MS)).toBe(2);
  expect(ages.oldest("a", ids, 15_000, AGE_MS)).toBe(4);
  expect(ages.oldest("a", [], 15_000, AGE_MS)).toBe(0);
});

test("without an age all are old, ids from the future too", () => {
  expect(new LedgerAges().oldest("a", ["1000-0", `${HOUR_MS}-7`], 1_000, 0)).toBe(2);
});

test("an id from the future is neither old at once nor young for an hour: it counts from when it was seen", () => {
  const ages = new LedgerAges();
  const ids = ["1000-0", `${HOUR_MS}-0`, `${HOUR_MS}-1`];
  expect(ages.oldest("a", ids, 10_000, AGE_MS, 0)).toBe(1);
  expect(ages.oldest("a", ids, 14_000, AGE_MS, 4_000)).toBe(1);
  const later = [...ids, `${HOUR_MS}-2`]; // came after the first look
  expect(ages.oldest("a", later, 15_000, AGE_MS, 5_000)).toBe(3);
  expect(ages.oldest("a", later.slice(3), 19_000, AGE_MS, 9_000)).toBe(0);
  expect(ages.oldest("a", later.slice(3), 20_000, AGE_MS, 10_000)).toBe(1);
});

test("a relay that looks at the first entry, then at a page, gets all of them within two ages", () => {
  const ages = new LedgerAges();
  let ids = Array.from({ length: 50 }, (_, i) => `${HOUR_MS}-${i}`);
  const settledAt: number[] = [];
  for (let now = 0; now <= 3 * AGE_MS && ids.length > 0; now += 500) {
    if (ages.oldest("a", ids.slice(0, 1), now, AGE_MS, now) === 0) continue;
    const settled = ages.oldest("a", ids, now, AGE_MS, now);
    expect(settled).toBeGreaterThan(0);
    settledAt.push(...Array(settled).fill(now));
    ids = ids.slice(settled);
  }
  expect(ids).toEqual([]);
  expect(Math.min(...settledAt)).toBe(AGE_MS);
  expect(Math.max(...settledAt)).toBeLessThanOrEqual(2 * AGE_MS);
});

test("ledgers are seen each for itself", () => {
  const ages = new LedgerAges();
  ages.oldest("a", [`${HOUR_MS}-0`], 0, AGE_MS, 0);
  expect(ages.oldest("b", [`${HOUR_MS}-0`], 0, AGE_MS, AGE_MS)).toBe(0);
  expect(ages.oldest("a", [`${HOUR_MS}-0`], 0, AGE_MS, AGE_MS)).toBe(1);
});

test("ten is behind nine within one millisecond", () => {
  const ages = new LedgerAges();
  ages.oldest("a", ["9000-9"], 0, AGE_MS, 0);
  expect(ages.oldest("a", ["9000-9", "9000-10"], 0, AGE_MS, AGE_MS)).toBe(1);
});
