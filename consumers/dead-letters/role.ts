import { groupOf } from "../../contracts/groups.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { NewDeadLetter, StoredLetter } from "../../db/dead-letters/insert.ts";
import type { IncomingRecord } from "../../kafka/kafka.ts";
import { DEAD_LETTER_HEADERS, eventIdOf, MAX_EVENT_ID } from "../engine/dead-letter-record.ts";
import { failureCode } from "../engine/failure.ts";
import type { Log } from "../engine/log.ts";
import type { Role } from "../engine/role.ts";

/** PostgreSQL's integer: another program may have written any number. */
const MAX_INTEGER = 2 ** 31 - 1;
const decoder = new TextDecoder();
/** PostgreSQL's text and jsonb hold every character but this one. */
const readable = (bytes: Uint8Array | undefined) => decoder.decode(bytes ?? new Uint8Array()).replaceAll("\0", "�");

/** A record of a dead-letter topic as a row. What its headers don't say (another program wrote it) is said by its place. */
export function deadLetterOf(record: IncomingRecord): NewDeadLetter {
  const header = (name: string) => readable(record.headers[name]);
  const number = (name: string, fallback: number, most = Number.MAX_SAFE_INTEGER) => {
    const value = Number.parseInt(header(name), 10);
    return value >= 0 && value <= most ? value : fallback;
  };
  const eventId = header(DEAD_LETTER_HEADERS.eventId);
  const headers = Object.entries(record.headers).map(([name, value]) => [readable(Buffer.from(name)), readable(value)]);
  return {
    eventId: eventId !== "" && eventId.length <= MAX_EVENT_ID ? eventId : eventIdOf(record).replaceAll("\0", "�"),
    // Not from a header: a program that may write here must not be able to write elsewhere through this role.
    topic: record.topic.replace(/\.DLT$/, ""),
    partition: number(DEAD_LETTER_HEADERS.partition, record.partition, MAX_INTEGER),
    offset: number(DEAD_LETTER_HEADERS.offset, record.offset),
    key: record.key,
    value: record.value,
    headers: Object.fromEntries(headers) as Record<string, string>,
    errorCode: header(DEAD_LETTER_HEADERS.errorCode) || "UNKNOWN",
    errorMessage: header(DEAD_LETTER_HEADERS.errorMessage),
    attempt: number(DEAD_LETTER_HEADERS.attempt, 0, MAX_INTEGER),
  };
}

/**
 * Keeps dead letters in PostgreSQL, where an operator sees them and from where they are sent again. There is nowhere further
 * to put one, so whatever is wrong with storing them is waited for.
 */
export function deadLetters(
  store: (letters: readonly NewDeadLetter[]) => Promise<readonly StoredLetter[]>,
  log: Log,
): Role {
  return {
    name: "dead-letters",
    ...groupOf("dead-letters"),
    patience: "wait",
    maxBatch: 100,
    lingerMs: 0,
    concurrency: 1,
    async handle(records) {
      const stored = await store(records.map(deadLetterOf)).catch((cause) => {
        const { code, message } = failureCode(cause);
        throw new StampedeError("INTERNAL", `dead letters can't be stored: ${code}: ${message}`, { cause }); // retryable
      });
      for (const letter of stored) log.error(letter, sentenceOf(letter));
      return [];
    },
  };
}

function sentenceOf({ status, attempts }: StoredLetter): string {
  if (status === "EXHAUSTED") return "dead letter given up: an operator must retry or discard it (./dev dead-letters)";
  return attempts === 0 ? "dead letter stored" : "dead letter came back";
}
