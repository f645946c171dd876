import { expect, test } from "bun:test";
import { StartPatience } from "./patience.ts";

const MINUTE = 60_000;
const at = (mark: string | null) => ({ doing: `loading, ${mark}`, mark });

test("a service that says nothing is waited for as long as its start may take", () => {
  const patience = new StartPatience(20_000, 1_000);
  patience.saw(null, 20_000);
  expect(patience.isOver(20_999)).toBe(false);
  expect(patience.isOver(21_001)).toBe(true);
  expect(patience.complaint).toBe("did not answer within 20 s");
});

test("one that gets on is waited for without an end, one that stands still is not", () => {
  const patience = new StartPatience(20_000, 0);
  for (let minute = 0; minute < 600; minute++) {
    patience.saw(at(String(minute)), minute * MINUTE);
    expect(patience.isOver(minute * MINUTE + 59_000)).toBe(false);
  }
  patience.saw(at("599"), 600 * MINUTE - 1);
  expect(patience.isOver(600 * MINUTE + 1)).toBe(true);
  expect(patience.complaint).toContain('it said "loading, 599", and nothing changed for 60 s');
});

test("progress never shortens the time that a start may take", () => {
  const patience = new StartPatience(90_000, 0);
  patience.saw(at("1"), 1_000);
  expect(patience.isOver(89_000)).toBe(false);
});

test("one that only says that it starts gets ten minutes in all", () => {
  const patience = new StartPatience(30_000, 0);
  for (let minute = 0; minute < 10; minute++) patience.saw(at(null), minute * MINUTE);
  expect(patience.isOver(10 * MINUTE)).toBe(false);
  expect(patience.isOver(10 * MINUTE + 1)).toBe(true);
});
