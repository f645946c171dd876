import type { DeadLetterStatus } from "../../contracts/wire/dead-letters.ts";
import type { Executor } from "../client.ts";

/** What becomes of a letter that was taken. */
export interface LetterMark {
  readonly id: string;
  readonly status: DeadLetterStatus;
  readonly attempts: number;
  /** Milliseconds until the next attempt; null: none by itself. */
  readonly nextInMs: number | null;
  /** Why it could not be sent; absent: the old error stays. */
  readonly error?: { readonly code: string; readonly message: string };
}

/** Writes what became of letters; in the transaction that took them. */
export async function markDeadLetters(tx: Executor, marks: readonly LetterMark[]): Promise<void> {
  await tx`
    UPDATE dead_letters d SET
      status = m.status, attempts = m.attempts, updated_at = clock_timestamp(),
      next_attempt_at = clock_timestamp() + m."nextInMs" * interval '1 millisecond',
      error_code = coalesce(m.error ->> 'code', d.error_code),
      error_message = coalesce(m.error ->> 'message', d.error_message)
    FROM jsonb_to_recordset(${JSON.stringify(marks)}::text::jsonb)
      AS m (id bigint, status text, attempts int, "nextInMs" int, error jsonb)
    WHERE d.id = m.id`;
}
