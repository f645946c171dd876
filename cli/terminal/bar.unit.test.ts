import { expect, test } from "bun:test";
import { barText, progressBar } from "./bar.ts";

test.each([
  [0, 100, "users      [                        ] 0 of 100"],
  [50_000, 100_000, "users      [############            ] 50,000 of 100,000"],
  [99, 100, "users      [####################### ] 99 of 100"],
  [100, 100, "users      [########################] 100 of 100"],
  [0, 0, "users      [########################] 0 of 0"],
])("%d of %d", (done, total, text) => {
  expect(barText("users", done, total)).toBe(text);
});

test("on a terminal the line is written over and taken away; elsewhere nothing is, and short work says nothing", () => {
  const terminal: string[] = [];
  const bar = progressBar({ isTTY: true, write: (text) => terminal.push(text) }, "users", 2);
  bar.show(1);
  bar.end();
  expect(terminal).toEqual([`\r\x1b[2K  ${barText("users", 1, 2)}`, "\r\x1b[2K"]);
  const file: string[] = [];
  const plain = progressBar({ write: (text) => file.push(text) }, "users", 2);
  plain.show(1);
  plain.end();
  expect(file).toEqual([]);
});
