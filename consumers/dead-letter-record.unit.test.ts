import { expect, test } from "bun:test";
import { StampedeError } from "../contracts/errors.ts";
import type { IncomingRecord } from "../kafka/kafka.ts";
import { deadLetterRecord } from "./dead-letter-record.ts";
import { deadLetterOf } from "./dead-letters/role.ts";

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
