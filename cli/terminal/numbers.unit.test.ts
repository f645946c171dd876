import { expect, test } from "bun:test";
import { wholeNumber } from "./numbers.ts";

const read = wholeNumber(-5, 100_000);

test.each([
  ["0", 0],
  ["-5", -5],
  ["100000", 100_000],
  ["50,000", 50_000],
  ["50_000", 50_000],
])("%s is a whole number", (text, value) => {
  expect(read(text)).toBe(value);
});

test.each([
  "",
  " 5",
  "1e5",
  "0x10",
  "20.000",
  "1.0",
  "1,5",
  "1,0000",
  "1_000,000",
  "100001",
  "-6",
  "five",
  "Infinity",
  "٥",
])("%j is refused with the bounds", (text) => {
  expect(() => read(text)).toThrow("It must be a whole number from -5 to 100000.");
});
