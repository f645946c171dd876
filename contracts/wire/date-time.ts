import { Type } from "@sinclair/typebox";

/** Schema of a moment, as RFC 3339 writes it. `isDateTime` judges it in requests. */
export const Timestamp = Type.String({ format: "date-time" });

const DATE_TIME = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(?:Z|([+-])(\d{2}):(\d{2}))$/;

/** From the beginning of Unix time to the last moment that RFC 3339, PostgreSQL and `toISOString` write in the same way. */
const EARLIEST_MS = 0;
const LATEST_MS = Date.parse("9999-12-31T23:59:59.999Z");

const isLeapYear = (year: number) => year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const daysOf = (year: number, month: number) => (month === 2 && isLeapYear(year) ? 29 : (DAYS[month - 1] ?? 0));

/** Whether this date and time exist in the calendar. JavaScript engines also accept some that do not exist. */
function exists([, year, month, day, hour, minute, second, , , zoneHour, zoneMinute]: readonly string[]): boolean {
  const dayOfMonth = Number(day);
  return (
    dayOfMonth >= 1 &&
    dayOfMonth <= daysOf(Number(year), Number(month)) &&
    Number(hour) <= 23 &&
    Number(minute) <= 59 &&
    Number(second ?? 0) <= 59 &&
    Number(zoneHour ?? 0) <= 23 &&
    Number(zoneMinute ?? 0) <= 59
  );
}

/**
 * Milliseconds since 1970 of an RFC 3339 time with a zone (its seconds may be left out); null for every other text.
 * `Date.parse` alone accepts "2027" and local times, and depends on the engine: V8 reads 30 February as 2 March.
 * Leap seconds and times outside of the years 1970 to 9999 (UTC) are refused, because PostgreSQL cannot return all of them unchanged.
 */
export function parseDateTime(text: string): number | null {
  const parts = DATE_TIME.exec(text);
  if (parts === null || !exists(parts)) return null;
  const ms = Date.parse(text);
  return ms >= EARLIEST_MS && ms <= LATEST_MS ? ms : null;
}

export const isDateTime = (text: string): boolean => parseDateTime(text) !== null;
