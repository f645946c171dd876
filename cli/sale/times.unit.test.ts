import { expect, test } from "bun:test";
import { parseSpan, parseTime } from "./times.ts";

const NOW = Date.UTC(2027, 0, 1, 12);

test.each([
  ["250ms", 250],
  ["3s", 3000],
  ["1.5h", 5_400_000],
  ["15m", 900_000],
  ["15min", 900_000],
  ["7d", 604_800_000],
])("the span %s is %d ms", (text, ms) => expect(parseSpan(text)).toBe(ms));

test.each([
  ["now", "2027-01-01T12:00:00.000Z"],
  ["+3s", "2027-01-01T12:00:03.000Z"],
  ["-1h", "2027-01-01T11:00:00.000Z"],
  ["2027-02-03T04:05:06Z", "2027-02-03T04:05:06.000Z"],
  ["2027-02-03T04:05:06+09:00", "2027-02-02T19:05:06.000Z"],
  ["2027-02-03T04:05", "2027-02-03T04:05:00.000Z"],
  ["2027-02-03T04:05:06.5-0130", "2027-02-03T05:35:06.500Z"],
  ["2028-02-29T00:00Z", "2028-02-29T00:00:00.000Z"],
  ["2027-02-03", "2027-02-03T00:00:00.000Z"],
])("the time %s is %s", (text, iso) => expect(parseTime(text, NOW).toISOString()).toBe(iso));

test.each([
  "",
  "3",
  "+3",
  "soon",
  "+3 parsecs",
  "1735689600000",
  "2027-13-01",
  "2027/01/01",
  "+-3s",
  "2030-02-30T00:00:00Z",
  "2027-02-29",
  "2027-01-01T24:00",
])("%p is refused with what to write instead", (text) => expect(() => parseTime(text, NOW)).toThrow(/Write/));
