import { expect, test } from "bun:test";
import fc from "fast-check";
import { isAfter } from "./cursor-order.ts";
import { Position } from "./position.ts";

const cursor = (ms: number, n = 0) => `${ms}-${n}.abcdefgh`;

test("cursors are compared as numbers, part by part", () => {
  expect(isAfter(cursor(10), cursor(9))).toBe(true);
  expect(isAfter(cursor(9), cursor(10))).toBe(false);
  expect(isAfter(cursor(5, 10), cursor(5, 9))).toBe(true);
  expect(isAfter(cursor(5, 9), cursor(5, 10))).toBe(false);
  expect(isAfter(cursor(5), cursor(5))).toBe(false);
  expect(isAfter("1700000000000-0.aaaaaaaa", "999999999999-7.aaaaaaaa")).toBe(true);
});

test("what another Redis says counts as newer, whatever its clock", () => {
  expect(isAfter("5-0.newredis", "9-0.oldredis")).toBe(true);
});

test("what lies before the client's own position is old", () => {
  const position = new Position(cursor(5));
  expect([position.take(cursor(4)), position.take(cursor(5)), position.take(cursor(6))]).toEqual([false, false, true]);
  expect(position.last).toBe(cursor(6));
});

test("without a position everything is new, once", () => {
  const position = new Position(null);
  expect([position.take(cursor(0)), position.take(cursor(0))]).toEqual([true, false]);
});

test("a message that was overtaken is taken, and the position does not go back", () => {
  const position = new Position(cursor(1));
  expect([position.take(cursor(3)), position.take(cursor(2)), position.take(cursor(2))]).toEqual([true, true, false]);
  expect(position.last).toBe(cursor(3));
});

test("in any order within the window, with any repeats, each message is taken exactly once", () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 31 }), { maxLength: 200 }), (order) => {
      const position = new Position(cursor(0));
      const taken = order.filter((n) => position.take(cursor(n + 1)));
      expect(taken.toSorted((a, b) => a - b)).toEqual([...new Set(order)].toSorted((a, b) => a - b));
      if (order.length > 0) expect(position.last).toBe(cursor(Math.max(...order) + 1));
    }),
  );
});

test("a long replay in order, with its pushes after it, sends nothing twice", () => {
  const position = new Position(null);
  for (let n = 1; n <= 500; n++) expect(position.take(cursor(n))).toBe(true);
  for (let n = 1; n <= 500; n++) expect(position.take(cursor(n))).toBe(false);
  expect(position.take(cursor(501))).toBe(true);
});
