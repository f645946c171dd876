import type { DeadLetterId, DeadLetterStatus } from "../../contracts/wire/dead-letters.ts";
import type { Executor, Sql } from "../client.ts";
import { CLAIM, LETTER } from "../names.ts";
import { insertAudit } from "../settings/audit.ts";
import { auditTarget } from "./read.ts";

/** A dead letter that is to be sent again. */
export interface DueLetter {
  readonly id: DeadLetterId;
  readonly eventId: string;
  readonly topic: string;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: Readonly<Record<string, string>>;
  /** How often it was sent again before. */
  readonly attempts: number;
  /** It is a claim, or the request for one, that was given up meanwhile. */
  readonly isBuried: boolean;
}

/**
 * Letters that are due, for as long as the transaction lasts: other processes are handed other ones, and they
 * stay as they were if the process dies. In the order in which they died, which is their order in the log again.
 */
export function takeDeadLetters(tx: Executor, limit: number): Promise<readonly DueLetter[]> {
  return tx<DueLetter[]>`
    SELECT ${LETTER.id}, ${LETTER.eventId} AS "eventId", ${LETTER.topic}, ${LETTER.key}, ${LETTER.value},
      ${LETTER.headers}, ${LETTER.attempts},
           EXISTS (SELECT FROM ${CLAIM.table} c WHERE c.${CLAIM.requestId} = ${LETTER.eventId}
           AND c.${CLAIM.status} = 'REVOKED') AS "isBuried"
    FROM ${LETTER.table}
    WHERE ${LETTER.status} = 'PENDING' AND (${LETTER.nextAttemptAt} IS NULL OR ${LETTER.nextAttemptAt} <= clock_timestamp())
    ORDER BY ${LETTER.id} LIMIT ${limit} FOR UPDATE SKIP LOCKED`;
}

/** What becomes of a letter that was taken. */
export interface LetterMark {
  readonly id: string;
  readonly status: DeadLetterStatus;
  readonly attempts: number;
  /** Milliseconds until the next attempt; null: only an operator's. */
  readonly nextInMs: number | null;
  /** Why it could not be sent; absent: the old error stays. */
  readonly error?: { readonly code: string; readonly message: string };
}

/** Writes what became of letters; in the transaction that took them. */
export async function markDeadLetters(tx: Executor, marks: readonly LetterMark[]): Promise<void> {
  await tx`
    UPDATE ${LETTER.table} d SET
      ${LETTER.status} = m.status, ${LETTER.attempts} = m.attempts, ${LETTER.updatedAt} = clock_timestamp(),
      ${LETTER.nextAttemptAt} = clock_timestamp() + m."nextInMs" * interval '1 millisecond',
      ${LETTER.errorCode} = coalesce(m.error ->> 'code', d.${LETTER.errorCode}),
      ${LETTER.errorMessage} = coalesce(m.error ->> 'message', d.${LETTER.errorMessage})
    FROM jsonb_to_recordset(${JSON.stringify(marks)}::text::jsonb)
      AS m (id bigint, status text, attempts int, "nextInMs" int, error jsonb)
    WHERE d.${LETTER.id} = m.id`;
}

/**
 * Hands letters that are due to `send`, and writes what became of each, in the order given. Their rows stay locked meanwhile:
 * other processes are handed other letters, and a letter that comes back at once is stored after its mark. If the process dies
 * in between, they stay due and are sent twice, which every handler allows. A letter that is DISCARDED gets an audit line.
 * @returns false: none was due
 */
export function resendDue(
  sql: Sql,
  limit: number,
  send: (letters: readonly DueLetter[]) => Promise<readonly LetterMark[]>,
): Promise<boolean> {
  return sql.begin(async (tx) => {
    // The log may take longer to say no than a transaction may rest.
    await tx`SET LOCAL idle_in_transaction_session_timeout = 0`;
    const letters = await takeDeadLetters(tx, limit);
    if (letters.length === 0) return false;
    const marks = await send(letters);
    await markDeadLetters(tx, marks);
    for (const [i, { id, eventId }] of letters.entries()) {
      if (marks[i]!.status !== "DISCARDED") continue;
      const detail = { eventId, why: "the claim was given up" };
      const entry = { actor: "role:dead-letters", action: "dead-letter.discarded", target: auditTarget(id) };
      await insertAudit(tx, { ...entry, detail });
    }
    return true;
  });
}
