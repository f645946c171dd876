import { expect, test } from "bun:test";
import fc from "fast-check";
import { SlotPlan } from "./slot-plan.ts";

function plan(total: number, slots: readonly number[]): SlotPlan {
  const made = new SlotPlan(total);
  for (const slot of slots) made.take(slot);
  return made;
}

test("nothing taken: the first fresh slot is 1 and no gap is left", () => {
  expect(plan(10, []).next).toBe(0);
  expect([...plan(10, []).freed()]).toEqual([]);
});

test("gaps below the highest taken slot are freed, lowest first", () => {
  const made = plan(20, [9, 2, 8]);
  expect(made.next).toBe(9);
  expect([...made.freed()]).toEqual([1, 3, 4, 5, 6, 7]);
});

test("taken, freed and fresh slots together are 1..total, each once", () => {
  const slots = fc.integer({ min: 1, max: 300 }).chain((total) =>
    fc.record({
      total: fc.constant(total),
      taken: fc.uniqueArray(fc.integer({ min: 1, max: total })),
    }),
  );
  const property = fc.property(slots, ({ total, taken }) => {
    const made = plan(total, taken);
    const fresh = Array.from({ length: total - made.next }, (_, i) => made.next + 1 + i);
    const all = [...taken, ...made.freed(), ...fresh].sort((a, b) => a - b);
    expect(all).toEqual(Array.from({ length: total }, (_, i) => i + 1));
  });
  fc.assert(property);
});

for (const slot of [0, -1, 11, 1.5, Number.NaN]) {
  test(`slot ${slot} of ten is refused`, () => {
    expect(() => plan(10, [slot])).toThrow("outside 1..10");
  });
}

test("a slot that is taken twice is refused", () => {
  expect(() => plan(10, [3, 3])).toThrow("taken twice");
});
