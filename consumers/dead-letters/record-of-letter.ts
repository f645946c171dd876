import type { DueLetter } from "../../db/dead-letters/resend.ts";
import { KafkaError, type OutgoingRecord } from "../../kafka/kafka.ts";
import { DEAD_LETTER_HEADERS } from "../engine/dead-letter-record.ts";

const ADDED = new Set<string>(Object.values(DEAD_LETTER_HEADERS));

/**
 * A dead letter as the record it was, for its original topic under its key. Of what was added to it, it keeps the event's id
 * (by which it is known if it dies again) and says which attempt this is. Headers are kept as text: those of this project are.
 * @throws KafkaError RECORD_TOO_LARGE if only its place is known
 */
export function recordOfLetter({ topic, key, value, headers, eventId, attempts }: DueLetter): OutgoingRecord {
  const omitted = headers[DEAD_LETTER_HEADERS.omitted];
  if (omitted !== undefined) {
    throw new KafkaError("RECORD_TOO_LARGE", `${omitted} bytes, too large for a dead letter: only its place is known`);
  }
  const own = Object.entries(headers).filter(([name]) => !ADDED.has(name));
  return {
    topic,
    key,
    value,
    headers: {
      ...Object.fromEntries(own),
      [DEAD_LETTER_HEADERS.eventId]: eventId,
      [DEAD_LETTER_HEADERS.attempt]: String(attempts + 1),
    },
  };
}
