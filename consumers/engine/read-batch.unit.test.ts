import { expect, test } from "bun:test";
import type { IncomingRecord } from "../../kafka/kafka.ts";
import { parseEvent, readBatch } from "./read-batch.ts";

const record = (text: string, offset: number): IncomingRecord => ({
  topic: "order-events",
  partition: 0,
  offset,
  key: null,
  value: Buffer.from(text),
  headers: {},
  timestamp: 0,
});
const typeOf = (one: IncomingRecord) => parseEvent<{ type: string }>(one.value)?.type ?? null;

test("messages stand beside their records, what is passed over is nowhere, and what cannot be read is rejected", () => {
  const records = ['{"type":"A"}', "null", "{", '{"type":"B"}'].map(record);
  const { messages, sources, rejected } = readBatch(records, typeOf);
  expect(messages).toEqual(["A", "B"]);
  expect(sources.map(({ offset }) => offset)).toEqual([0, 3]);
  expect(rejected).toEqual([{ record: records[2]!, error: expect.objectContaining({ code: "VALIDATION_FAILED" }) }]);
});

test("what is rescued of a rejected record keeps its place", () => {
  const records = ['{"type":"A"}', "{", "[", '{"type":"B"}'].map(record);
  const rescue = ({ offset }: IncomingRecord) => (offset === 1 ? "rescued" : null);
  const { messages, sources, rejected } = readBatch(records, typeOf, rescue);
  expect(messages).toEqual(["A", "rescued", "B"]);
  expect(sources.map(({ offset }) => offset)).toEqual([0, 1, 3]);
  expect(rejected.map(({ record: { offset } }) => offset)).toEqual([1, 2]);
});

test("a record without a value, and one that is not UTF-8, are no events", () => {
  const invalid = expect.objectContaining({ code: "VALIDATION_FAILED", retryable: false });
  expect(() => parseEvent(null)).toThrow(invalid);
  expect(() => parseEvent(Uint8Array.from([0x22, 0xff, 0x22]))).toThrow(invalid);
});
