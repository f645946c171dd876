import { expect, test } from "bun:test";
import fc from "fast-check";
import { isDateTime, parseDateTime } from "./date-time.ts";

test.each([
  ["2027-01-01T12:00:00Z", Date.UTC(2027, 0, 1, 12)],
  ["2027-01-01T12:00Z", Date.UTC(2027, 0, 1, 12)],
  ["2027-01-01T12:00:00.123456789+02:00", Date.UTC(2027, 0, 1, 10, 0, 0, 123)],
  ["2028-02-29T00:00:00-00:00", Date.UTC(2028, 1, 29)],
  ["2000-02-29T00:00:00Z", Date.UTC(2000, 1, 29)],
  ["9999-12-31T23:59:59.999Z", 253_402_300_799_999],
  ["1970-01-01T00:00:00Z", 0],
  ["9999-12-31T23:59:59+05:00", 253_402_282_799_000],
])("%s is a time", (text, ms) => {
  expect(parseDateTime(text)).toBe(ms);
});

test.each([
  ["beyond the last year in UTC", "9999-12-31T23:59:59-05:00"],
  ["before 1970 in UTC", "1970-01-01T00:00:00+05:00"],
  ["in year 0", "0000-06-01T00:00:00Z"],
  ["on 30 February", "2027-02-30T00:00:00Z"],
  ["on 29 February of a common year", "2027-02-29T00:00:00Z"],
  ["on 29 February 1900", "1900-02-29T00:00:00Z"],
  ["on 31 April", "2027-04-31T00:00:00Z"],
  ["on day 0", "2027-04-00T00:00:00Z"],
  ["in month 13", "2027-13-01T00:00:00Z"],
  ["in month 0", "2027-00-01T00:00:00Z"],
  ["a leap second", "2016-12-31T23:59:60Z"],
  ["at 24 o'clock", "2027-01-01T24:00:00Z"],
  ["at minute 60", "2027-01-01T00:60:00Z"],
  ["in a zone of 24 hours", "2027-01-01T00:00:00+24:00"],
  ["in a zone of 60 minutes", "2027-01-01T00:00:00+00:60"],
  ["without a zone", "2027-01-01T00:00:00"],
  ["a date only", "2027-01-01"],
  ["of five digits", "+10000-01-01T00:00:00Z"],
  ["with a line break behind it", "2027-01-01T00:00:00Z\n"],
  ["in other digits", "２０２７-01-01T00:00:00Z"],
])("no time: %s", (_, text) => {
  expect(isDateTime(text)).toBe(false);
});

test("every time that a Date can write in years 1970 to 9999 is read back", () => {
  fc.assert(
    fc.property(fc.date({ min: new Date(0), max: new Date("9999-12-31T23:59:59.999Z") }), (at) => {
      if (!Number.isNaN(at.getTime())) expect(parseDateTime(at.toISOString())).toBe(at.getTime());
    }),
  );
});
