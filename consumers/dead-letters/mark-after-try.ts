import type { RetryPolicy } from "../../db/dead-letters/insert.ts";
import type { DueLetter, LetterMark } from "../../db/dead-letters/resend.ts";
import { failureCode, failureKind } from "../engine/failure.ts";

/** What became of sending a letter again. */
export type Tried = "sent" | "buried" | { readonly error: unknown };

/**
 * What a letter is after a try.
 * - sent: REPUBLISHED until it comes back, if it does.
 * - buried: its claim was given up meanwhile, and such claims are never published again: DISCARDED.
 * - not sent, and hardly ever will be (too large, no such topic): that was an attempt, too, or it would be tried for ever.
 * - not sent because the log is away: no fault of the letter's; it waits for its next date and keeps its attempts.
 */
export function afterTry(
  { id, attempts }: Pick<DueLetter, "id" | "attempts">,
  tried: Tried,
  policy: RetryPolicy,
): LetterMark {
  if (tried === "sent") return { id, status: "REPUBLISHED", attempts: attempts + 1, nextInMs: null };
  if (tried === "buried") return { id, status: "DISCARDED", attempts, nextInMs: null };
  const error = failureCode(tried.error);
  if (failureKind(tried.error) !== "permanent" && error.code !== "UNKNOWN_TOPIC") {
    return { id, status: "PENDING", attempts, nextInMs: policy.retryMs };
  }
  const made = attempts + 1;
  return made < policy.attempts
    ? { id, status: "PENDING", attempts: made, nextInMs: policy.retryMs, error }
    : { id, status: "EXHAUSTED", attempts: made, nextInMs: null, error };
}
