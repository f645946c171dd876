import { expect, test } from "bun:test";
import type { DeadLetterId } from "../../contracts/wire/dead-letters.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { IncomingRecord } from "../../kafka/kafka.ts";
import { recordOfLetter } from "../dead-letters/record-of-letter.ts";
import { deadLetterOf, deadLetters } from "../dead-letters/role.ts";
import { bareLetterRecord, deadLetterRecord } from "./dead-letter-record.ts";
import { failureKind } from "./failure.ts";

const record = (value: Uint8Array | null): IncomingRecord => ({
  topic: "coupon-events",
  partition: 3,
  offset: 42,
  key: Buffer.from("k"),
  value,
  headers: { traceparent: Buffer.from("00-1") },
  timestamp: 0,
});
/** As it comes back from the dead-letter topic. */
function travelled(original: IncomingRecord): IncomingRecord {
  const sent = deadLetterRecord(original, new StampedeError("VALIDATION_FAILED", "bad \0 data"));
  const headers = Object.entries(sent.headers!).map(([name, value]) => [name, Buffer.from(value as string)]);
  return { ...original, topic: sent.topic, partition: 0, offset: 7, headers: Object.fromEntries(headers) };
}

test("a dead letter keeps the record as it was, with why and from where", () => {
  const value = Buffer.from('{"eventId":"e-1"}');
  expect(deadLetterOf(travelled(record(value)))).toMatchObject({
    eventId: "e-1",
    topic: "coupon-events",
    partition: 3,
    offset: 42,
    value,
    errorCode: "VALIDATION_FAILED",
    errorMessage: "bad � data",
    headers: { traceparent: "00-1" },
  });
});

test("a record without a readable event id is known by its place", () => {
  for (const value of [
    null,
    Buffer.from("{"),
    Buffer.from("[]"),
    Buffer.from('{"eventId":7}'),
    new Uint8Array([0xff]),
  ]) {
    expect(deadLetterOf(travelled(record(value))).eventId).toBe("coupon-events/3/42");
  }
});

test("a letter that another program wrote is kept by what there is", () => {
  const foreign = { ...record(Buffer.from("x")), topic: "coupon-events.DLT", headers: {} };
  expect(deadLetterOf(foreign)).toMatchObject({
    topic: "coupon-events",
    partition: 3,
    offset: 42,
    errorCode: "UNKNOWN",
  });
});

/** Sent again by the republisher, and read from its topic, where it lies somewhere else. */
function sentAgain(original: IncomingRecord, attempts: number): IncomingRecord {
  const { key, value, headers } = recordOfLetter({
    ...deadLetterOf(travelled(original)),
    id: "1" as DeadLetterId,
    attempts,
    isBuried: false,
  });
  const bytes = Object.entries(headers!).map(([name, text]) => [name, Buffer.from(text as string)]);
  return { ...original, key: key as Buffer, value: value as Buffer, offset: 99, headers: Object.fromEntries(bytes) };
}

test("what is sent again is the record as it was, with its event's id and the attempt, and nothing of why it died", () => {
  const original = record(Buffer.from([0, 255, 123]));
  const { key, value, headers } = sentAgain(original, 2);
  expect({ key, value }).toEqual({ key: original.key as Buffer, value: original.value as Buffer });
  const texts = Object.fromEntries(
    Object.entries(headers).map(([name, bytes]) => [name, new TextDecoder().decode(bytes)]),
  );
  expect(texts).toEqual({ traceparent: "00-1", "event-id": "coupon-events/3/42", "dead-letter-attempt": "3" });
});

test("a letter that comes back is the same letter, however often, with or without an event id", () => {
  for (const value of [Buffer.from("{"), Buffer.from('{"eventId":"e-1"}')]) {
    const first = record(value);
    const { eventId } = deadLetterOf(travelled(first));
    let again = first;
    for (const attempts of [0, 1, 2]) {
      again = sentAgain(again, attempts);
      expect(deadLetterOf(travelled(again))).toMatchObject({ eventId, attempt: attempts + 1, value });
    }
  }
});

test("whatever its headers say, a letter belongs to the topic whose dead-letter topic it lies in", () => {
  const sly = { ...travelled(record(null)), headers: { "original-topic": Buffer.from("order-events") } };
  expect(deadLetterOf(sly).topic).toBe("coupon-events");
});

test("a letter without its content names its place and size, and can't be sent again", () => {
  const { headers, value, key } = bareLetterRecord(record(Buffer.from("four")), new Error("why"));
  expect({ key, value }).toEqual({ key: undefined, value: null });
  expect(headers).toMatchObject({
    "original-offset": "42",
    "event-id": "coupon-events/3/42",
    "dead-letter-omitted": "5",
  });
  expect(headers).not.toHaveProperty("traceparent");
  const due = { ...deadLetterOf(travelled(record(null))), id: "1" as DeadLetterId, attempts: 0, isBuried: false };
  const bare = { ...due, headers: headers as Record<string, string> };
  expect(() => recordOfLetter(bare)).toThrow("5 bytes, too large for a dead letter: only its place is known");
});

test("a record that claims an event id in a header, and was not sent again by us, is known by its own", () => {
  const foreign = { ...record(Buffer.from("x")), headers: { "event-id": Buffer.from("somebody else's") } };
  expect(deadLetterOf(travelled(foreign))).toMatchObject({ eventId: "coupon-events/3/42", attempt: 0 });
  const odd = { ...foreign, headers: { "dead-letter-attempt": Buffer.from("-3x") } };
  expect(deadLetterOf(travelled(odd))).toMatchObject({ eventId: "coupon-events/3/42", attempt: 0 });
});

test("numbers and ids that PostgreSQL could not hold are said by the letter's place", () => {
  const names = ["original-partition", "original-offset", "dead-letter-attempt"];
  for (const wrong of ["-1", "x", "9".repeat(20), "2147483648"]) {
    const headers = Object.fromEntries(names.map((name) => [name, Buffer.from(wrong)]));
    const letter = deadLetterOf({ ...travelled(record(null)), headers });
    const offset = wrong === "2147483648" ? 2_147_483_648 : 7;
    expect({ wrong, ...letter }).toMatchObject({ wrong, partition: 0, offset, attempt: 0 });
  }
  const headers = { "event-id": Buffer.from("x".repeat(301)), "dead-letter-attempt": Buffer.from("1") };
  expect(deadLetterOf({ ...travelled(record(null)), headers }).eventId).toBe("coupon-events.DLT/0/7");
});

test("whatever keeps letters from being stored is waited for: there is nowhere further to put them", async () => {
  const permanent = Object.assign(new Error("relation does not exist"), { code: "42P01" });
  const role = deadLetters(() => Promise.reject(permanent), { debug() {}, info() {}, warn() {}, error() {} });
  const error = await Promise.resolve(role.handle([travelled(record(null))], new AbortController().signal)).catch(
    (e) => e,
  );
  expect(failureKind(error)).toBe("transient");
  expect(error.message).toContain("42P01: relation does not exist");
});
