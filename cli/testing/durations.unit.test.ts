import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readDurations, recordDurations, slowest } from "./durations.ts";

const root = mkdtempSync(join(tmpdir(), "stampede-durations-"));
afterAll(() => rmSync(root, { recursive: true }));

test("a record keeps what was not run, takes what was, and drops what is gone", () => {
  expect(readDurations(root)).toEqual({});
  mkdirSync(join(root, "test"));
  for (const file of ["b", "a"]) writeFileSync(join(root, file), "");
  recordDurations(
    root,
    new Map([
      ["gone", 3],
      ["b", 1.2],
      ["a", 0.1],
    ]),
  );
  recordDurations(root, new Map([["b", 7]]));
  expect(readDurations(root)).toEqual({ a: 1, b: 7 });
});

test("the slowest come first", () => {
  const seconds = new Map([
    ["a", 1],
    ["b", 3],
    ["c", 2],
  ]);
  expect(slowest(seconds, 2)).toEqual([
    ["b", 3],
    ["c", 2],
  ]);
});
