import type { DeadLetterId } from "../../contracts/wire/dead-letters.ts";
import type { Executor } from "../client.ts";

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
 * Letters that are due, for as long as the transaction lasts: others who look meanwhile are handed other ones, and whoever
 * dies leaves them as they were. In the order in which they died, which is their order in the log again.
 */
export function takeDeadLetters(tx: Executor, limit: number): Promise<readonly DueLetter[]> {
  return tx<DueLetter[]>`
    SELECT id, event_id AS "eventId", topic, key, value, headers, attempts,
           EXISTS (SELECT FROM user_coupons c WHERE c.request_id = event_id AND c.status = 'REVOKED') AS "isBuried"
    FROM dead_letters
    WHERE status = 'PENDING' AND (next_attempt_at IS NULL OR next_attempt_at <= clock_timestamp())
    ORDER BY id LIMIT ${limit} FOR UPDATE SKIP LOCKED`;
}
