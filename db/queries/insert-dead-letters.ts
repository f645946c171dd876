import type { Executor } from "../client.ts";

export interface DeadLetter {
  readonly eventId: string;
  /** Of the original record. */
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly errorCode: string;
  readonly errorMessage: string;
}

/**
 * Stores dead letters, one row per event: a redelivery changes nothing, and a letter that was republished and died again
 * goes back to PENDING with the new error. Row by row on purpose: they are few, and values are bytes of any kind.
 */
export async function insertDeadLetters(sql: Executor, letters: readonly DeadLetter[]): Promise<void> {
  await Promise.all(
    letters.map(
      (letter) => sql`
        INSERT INTO dead_letters (event_id, topic, partition, "offset", key, value, headers, error_code, error_message)
        VALUES (${letter.eventId}, ${letter.topic}, ${letter.partition}, ${letter.offset}, ${letter.key},
                ${letter.value}, ${JSON.stringify(letter.headers)}::text::jsonb, ${letter.errorCode},
                ${letter.errorMessage})
        ON CONFLICT (event_id) DO UPDATE
          SET status = 'PENDING', error_code = excluded.error_code, error_message = excluded.error_message,
              "offset" = excluded."offset", partition = excluded.partition, updated_at = now()
          WHERE dead_letters.status = 'REPUBLISHED'`,
    ),
  );
}
