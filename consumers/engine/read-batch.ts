import { StampedeError } from "../../contracts/wire/errors.ts";
import type { IncomingRecord } from "../../kafka/kafka.ts";
import type { Rejected } from "./role.ts";

const decoder = new TextDecoder("utf-8", { fatal: true });
const EMPTY = new Uint8Array();

/**
 * The event that a record's value holds. Only that it is JSON has been checked, so `E` should name its fields as unknown.
 * @throws StampedeError VALIDATION_FAILED: no retry helps
 */
export function parseEvent<E>(value: Uint8Array | null): E | null {
  try {
    return JSON.parse(decoder.decode(value ?? EMPTY));
  } catch (cause) {
    throw new StampedeError("VALIDATION_FAILED", "the record is not JSON", { cause });
  }
}

export interface ReadBatch<M> {
  /** What the records say, in the order of the log. */
  readonly messages: M[];
  /** `sources[i]` is the record of `messages[i]`. */
  readonly sources: IncomingRecord[];
  /** Records that cannot be read. A role returns them from `handle`, and the engine publishes them as dead letters. */
  readonly rejected: Rejected[];
}

/**
 * Reads the records of a batch. A record that `parse` cannot read is rejected, and the others go on.
 * @param parse returns null for a record that the role passes over, and throws for one that cannot be read
 * @param rescue what a rejected record still says, which the role handles beside the others; null: nothing
 */
export function readBatch<M>(
  records: readonly IncomingRecord[],
  parse: (record: IncomingRecord) => M | null,
  rescue?: (record: IncomingRecord) => M | null,
): ReadBatch<M> {
  const messages: M[] = [];
  const sources: IncomingRecord[] = [];
  const rejected: Rejected[] = [];
  for (const record of records) {
    let message: M | null | undefined;
    try {
      message = parse(record);
    } catch (error) {
      rejected.push({ record, error });
      message = rescue?.(record);
    }
    if (message === null || message === undefined) continue;
    messages.push(message);
    sources.push(record);
  }
  return { messages, sources, rejected };
}
