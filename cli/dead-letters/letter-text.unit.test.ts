import { expect, test } from "bun:test";
import type { DeadLetterDetail } from "../../contracts/wire/dead-letters.ts";
import { lettersTable, letterText, stateText } from "./letter-text.ts";

const NOW = Date.UTC(2027, 0, 1, 12);
const at = (ms: number) => new Date(NOW + ms).toISOString();
const letter = (change: Partial<DeadLetterDetail> = {}): DeadLetterDetail => ({
  id: "17" as DeadLetterDetail["id"],
  eventId: "e-1",
  topic: "stock-events",
  partition: 3,
  offset: 42,
  key: "mug",
  value: '{"a":1}',
  headers: {},
  errorCode: "22000",
  errorMessage: "poison",
  status: "PENDING",
  attempts: 1,
  nextAttemptAt: at(90_000),
  createdAt: at(-120_000),
  updatedAt: at(0),
  actions: [],
  ...change,
});

test.each([
  [{}, "PENDING after 1 attempt, sent again in 1 min"],
  [{ nextAttemptAt: at(-5) }, "PENDING after 1 attempt, due to be sent again"],
  [{ nextAttemptAt: null, attempts: 0 }, "PENDING after 0 attempts, due to be sent again"],
  [{ status: "REPUBLISHED", attempts: 2 }, "REPUBLISHED: attempt 2 has not come back"],
  [{ status: "EXHAUSTED", attempts: 5 }, "EXHAUSTED after 5 attempts: retry or discard it"],
  [{ status: "DISCARDED" }, "DISCARDED: it is never sent again"],
] as const)("%j is said as: %s", (change, text) => {
  expect(stateText(letter(change), NOW)).toBe(text);
});

test("a list has a line a letter, with why in short", () => {
  const lines = lettersTable([letter({ errorMessage: `a\n${"b".repeat(80)}` })], NOW).split("\n");
  expect(lines).toHaveLength(2);
  expect(lines[1]).toMatch(/^17 {6}PENDING {2}1 {6}stock-events {2}e-1 {4}22000: a b+… {2}2 min$/);
});

test("one letter is shown with its value, what was done to it and why, and nothing of it commands the terminal", () => {
  const actions = [
    { actor: "olga", action: "dead-letter.retried" as const, at: at(-60_000) },
    { actor: "olga", action: "dead-letter.discarded" as const, why: "settled by hand", at: at(0) },
  ];
  expect(letterText(letter({ actions, status: "DISCARDED" }), NOW).split("\n")).toEqual([
    "letter     17, DISCARDED: it is never sent again",
    "event      e-1",
    "topic      stock-events, partition 3, offset 42",
    "key        mug",
    "why        22000: poison",
    "since      2027-01-01T11:58:00.000Z",
    "retried    by olga at 2027-01-01T11:59:00.000Z",
    "discarded  by olga at 2027-01-01T12:00:00.000Z: settled by hand",
    "",
    "{",
    '  "a": 1',
    "}",
  ]);
  expect(letterText(letter({ value: "\u001b[2J" }), NOW)).toEndWith("\n�[2J");
  expect(letterText(letter({ value: null, key: null }), NOW)).toContain("key        none");
});
