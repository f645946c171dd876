import { expect, test } from "bun:test";
import fc from "fast-check";
import { formatCursor, formatEmpty, isBetween, isSameServer, parseCursor, placeOf } from "./inbox-cursor.ts";
import { compareIds } from "./stream-ids.ts";

const TAG = "abcdefgh";
const at = (ms: number, n = 0) => formatCursor(`${ms}-${n}`, TAG);
const empty = formatEmpty(1_000, TAG, "11111111");

test("cursors are read back as what they were written", () => {
  expect(parseCursor(at(5, 7))).toEqual({ kind: "entry", id: "5-7", tag: TAG });
  expect(parseCursor(empty)).toEqual({ kind: "empty", atMs: 1_000, tag: TAG, generation: "11111111" });
  for (const text of [
    "",
    "nonsense",
    "1-1",
    "1-1.abc",
    `1-1.${"x".repeat(12)}`,
    `1-1.${"x".repeat(17)}`,
    "$.abcdefgh",
  ]) {
    expect(parseCursor(text)).toBeNull();
  }
});

test("ids are compared as numbers, part by part", () => {
  const isAfter = (a: string, b: string) => compareIds(a, b) > 0;
  expect([isAfter("10-0", "9-0"), isAfter("9-0", "10-0"), isAfter("5-10", "5-9"), isAfter("5-5", "5-5")]).toEqual([
    true,
    false,
    true,
    false,
  ]);
});

test("only what follows directly is next; what came before is old; everything else may hide a gap", () => {
  expect(placeOf(at(5), at(6), at(5))).toBe("next");
  expect(placeOf(at(5), at(7), at(6))).toBe("gap");
  expect(placeOf(at(5), at(6), undefined)).toBe("gap"); // of a release that does not say what it follows
  expect(placeOf(at(5), at(5), at(4))).toBe("old");
  expect(placeOf(at(5), at(4), undefined)).toBe("old");
  // The inbox began anew: what stood between is not known.
  expect([placeOf(at(5), at(6), ""), placeOf(at(5), at(4), ""), placeOf(at(5), at(5), "")]).toEqual([
    "gap",
    "gap",
    "old",
  ]);
});

test("behind an empty inbox only its first message is next", () => {
  expect(placeOf(empty, at(2_000), "")).toBe("next");
  expect(placeOf(empty, at(900), "")).toBe("next"); // Redis' clock was set back
  expect(placeOf(empty, at(2_000), at(1_500))).toBe("gap");
});

test("what another server says can't be compared", () => {
  const other = formatCursor("6-0", "otherone");
  expect([placeOf(at(5), other, formatCursor("5-0", "otherone")), placeOf(other, at(5), at(4))]).toEqual([
    "gap",
    "gap",
  ]);
  expect(placeOf(empty, formatCursor("2000-0", "otherone"), "")).toBe("gap");
  expect([isSameServer(at(1), empty), isSameServer(at(1), other), isSameServer(at(1), "x")]).toEqual([
    true,
    false,
    false,
  ]);
});

test("an entry lies between two positions of the same server only", () => {
  expect([4, 5, 6, 7].map((ms) => isBetween(at(4), at(ms), at(6)))).toEqual([false, true, true, false]);
  expect(isBetween(empty, at(5), at(6))).toBe(true);
  expect(isBetween(at(4), formatCursor("5-0", "otherone"), at(6))).toBe(false);
  expect(isBetween(at(4), at(5), empty)).toBe(false);
});

test("in any order, with any repeats and losses, a socket that sends only what is next never skips one", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 60 }), (order) => {
      let position = empty;
      const sent: number[] = [];
      for (const n of order) {
        if (placeOf(position, at(2_000 + n), n === 1 ? "" : at(2_000 + n - 1)) !== "next") continue;
        position = at(2_000 + n);
        sent.push(n);
      }
      expect(sent).toEqual(sent.map((_, i) => i + 1));
    }),
  );
});
