import { expect, test } from "bun:test";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lineReader, plainLine } from "./logs.ts";

test("a line of JSON is shown for people, without what people do not need", () => {
  const line = '{"level":30,"time":1767225600123,"pid":7,"hostname":"h","couponId":"abc","ms":3,"msg":"sale loaded"}';
  expect(plainLine(line)).toBe("00:00:00.123 INFO  sale loaded couponId=abc ms=3");
});

test.each(["ready", "{not json", "", "2026 WARN x (Y)"])("the line %p stays as it is", (line) => {
  expect(plainLine(line)).toBe(line);
});

test("a growing log is read line by line, half a line waits, and one that was begun anew is read again", () => {
  const dir = mkdtempSync(join(tmpdir(), "stampede-logs-"));
  const file = join(dir, "x.log");
  try {
    const next = lineReader(file);
    expect(next()).toEqual([]);
    writeFileSync(file, "one\ntw");
    expect(next()).toEqual(["one"]);
    appendFileSync(file, "o\n");
    expect(next()).toEqual(["two"]);
    writeFileSync(file, "new\n");
    expect(next()).toEqual(["new"]);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test("of a long log only whole lines of its end are read", () => {
  const dir = mkdtempSync(join(tmpdir(), "stampede-logs-"));
  const file = join(dir, "x.log");
  try {
    writeFileSync(file, "first\nsecond\nthird\n");
    expect(lineReader(file, 8)()).toEqual(["third"]);
  } finally {
    rmSync(dir, { recursive: true });
  }
});
