import { deadLetterTopic, type Topic } from "../../contracts/topics.ts";
import type { IncomingRecord, OutgoingRecord } from "../../kafka/kafka.ts";
import { failureCode } from "./failure.ts";

/** Header names of a dead letter; role dead-letters reads them back. */
export const DEAD_LETTER_HEADERS = {
  errorCode: "error-code",
  errorMessage: "error-message",
  topic: "original-topic",
  partition: "original-partition",
  offset: "original-offset",
  eventId: "event-id",
  /** Of a letter that was sent again: which re-publication it is, from 1. */
  attempt: "dead-letter-attempt",
  /** Of a letter that would have been too large for the log: how many bytes of key and value were left out. */
  omitted: "dead-letter-omitted",
} as const;

/** Characters of an event's id; the longest of ours is a place: topic, partition and offset. */
export const MAX_EVENT_ID = 300;

const decoder = new TextDecoder();

/**
 * The record's own eventId, if it has a readable one; else its place, which is as unique. A letter that was sent again keeps
 * the id it had: by its new place it would be a new letter each time, and be sent again for ever.
 */
export function eventIdOf(record: IncomingRecord): string {
  const { [DEAD_LETTER_HEADERS.attempt]: attempt, [DEAD_LETTER_HEADERS.eventId]: known } = record.headers;
  if (attempt !== undefined && known !== undefined && known.length > 0 && known.length <= MAX_EVENT_ID) {
    return decoder.decode(known);
  }
  try {
    const { eventId } = JSON.parse(decoder.decode(record.value ?? new Uint8Array())) as { eventId?: unknown };
    if (typeof eventId === "string" && eventId.length > 0 && eventId.length <= 200) return eventId;
  } catch {
    // Unreadable, which may be the very reason why it is here.
  }
  return `${record.topic}/${record.partition}/${record.offset}`;
}

/** Why and from where. */
function circumstances(record: IncomingRecord, error: unknown): Record<string, string> {
  const { code, message } = failureCode(error);
  return {
    [DEAD_LETTER_HEADERS.errorCode]: code,
    [DEAD_LETTER_HEADERS.errorMessage]: message,
    [DEAD_LETTER_HEADERS.topic]: record.topic,
    [DEAD_LETTER_HEADERS.partition]: String(record.partition),
    [DEAD_LETTER_HEADERS.offset]: String(record.offset),
    [DEAD_LETTER_HEADERS.eventId]: eventIdOf(record),
  };
}

/** The record as it was (key, value, headers), with why and from where, for its dead-letter topic. */
export function deadLetterRecord(record: IncomingRecord, error: unknown): OutgoingRecord {
  return {
    topic: deadLetterTopic(record.topic as Topic),
    key: record.key,
    value: record.value,
    headers: { ...record.headers, ...circumstances(record, error) },
  };
}

/** The same without all that the record brought: its place says where it lies, as long as its topic keeps it. */
export function bareLetterRecord(record: IncomingRecord, error: unknown): OutgoingRecord {
  const bytes = (record.key?.length ?? 0) + (record.value?.length ?? 0);
  return {
    topic: deadLetterTopic(record.topic as Topic),
    value: null,
    headers: { ...circumstances(record, error), [DEAD_LETTER_HEADERS.omitted]: String(bytes) },
  };
}
