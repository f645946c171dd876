import type { DeadLetterStatus } from "../../contracts/wire/dead-letters.ts";
import type { Executor, Sql } from "../client.ts";
import { LETTER } from "../names.ts";

export interface NewDeadLetter {
  readonly eventId: string;
  /** Of the original record. */
  readonly topic: string;
  /** Where the copy lay that died. */
  readonly partition: number;
  readonly offset: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly errorCode: string;
  readonly errorMessage: string;
  /** Which re-publication this copy was; 0: none. */
  readonly attempt: number;
}

/** How often a dead letter is sent again without an operator, and how long after it died, milliseconds. */
export interface RetryPolicy {
  readonly attempts: number;
  readonly retryMs: number;
}

/** A letter that changed something: a new one, or one that came back. */
export interface StoredLetter {
  readonly eventId: string;
  readonly topic: string;
  readonly status: DeadLetterStatus;
  readonly attempts: number;
  readonly errorCode: string;
}

/**
 * Stores dead letters, one row per event. A letter that was sent again and died again goes back to PENDING, or to EXHAUSTED
 * after the last attempt, with the new error. Not so a letter that is merely delivered twice: it names an earlier attempt
 * than the row or, if it names none, the very place that the row knows. In one transaction, so that letters which wait for
 * their republisher hold one connection; in the order of event ids, so that two batches can't wait for each other.
 * @returns those that changed something
 */
export async function insertDeadLetters(
  sql: Sql,
  letters: readonly NewDeadLetter[],
  policy: RetryPolicy,
): Promise<readonly StoredLetter[]> {
  const sorted = [...letters].sort((a, b) => (a.eventId < b.eventId ? -1 : 1));
  const stored = await sql.begin((tx) => Promise.all(sorted.map((letter) => insertOne(tx, letter, policy))));
  return stored.flat();
}

function insertOne(tx: Executor, letter: NewDeadLetter, { attempts, retryMs }: RetryPolicy) {
  return tx<StoredLetter[]>`
    INSERT INTO ${LETTER.table} AS d
      (${LETTER.eventId}, ${LETTER.topic}, ${LETTER.partition}, ${LETTER.offset}, ${LETTER.key}, ${LETTER.value},
      ${LETTER.headers}, ${LETTER.errorCode}, ${LETTER.errorMessage}, ${LETTER.attempts}, ${LETTER.status},
       ${LETTER.nextAttemptAt})
    VALUES (${letter.eventId}, ${letter.topic}, ${letter.partition}, ${letter.offset}, ${letter.key},
            ${letter.value}, ${JSON.stringify(letter.headers)}::text::jsonb, ${letter.errorCode}, ${letter.errorMessage},
            ${letter.attempt}, CASE WHEN ${letter.attempt}::int < ${attempts}::int THEN 'PENDING' ELSE 'EXHAUSTED' END,
            CASE WHEN ${letter.attempt}::int < ${attempts}::int THEN clock_timestamp() + ${retryMs}::int * interval '1 millisecond' END)
    ON CONFLICT (${LETTER.eventId}) DO UPDATE SET
      ${LETTER.status} = CASE WHEN d.${LETTER.attempts} < ${attempts}::int THEN 'PENDING' ELSE 'EXHAUSTED' END,
      ${LETTER.nextAttemptAt} =
        CASE WHEN d.${LETTER.attempts} < ${attempts}::int THEN clock_timestamp() + ${retryMs}::int * interval '1 millisecond' END,
      ${LETTER.errorCode} = excluded.${LETTER.errorCode}, ${LETTER.errorMessage} = excluded.${LETTER.errorMessage},
      ${LETTER.updatedAt} = clock_timestamp()
    WHERE d.${LETTER.status} = 'REPUBLISHED'
      AND CASE WHEN ${letter.attempt}::int > 0 THEN ${letter.attempt}::int >= d.${LETTER.attempts}
          ELSE (d.${LETTER.partition}, d.${LETTER.offset}) <> (excluded.${LETTER.partition}, excluded.${LETTER.offset}) END
    RETURNING ${LETTER.eventId} AS "eventId", ${LETTER.topic}, ${LETTER.status}, ${LETTER.attempts},
      ${LETTER.errorCode} AS "errorCode"`;
}
