import { KafkaError, type Producer } from "../../kafka/kafka.ts";
import { bareLetterRecord, deadLetterRecord } from "./dead-letter-record.ts";
import type { Rejected } from "./role.ts";

const isTooLarge = (error: unknown) => error instanceof KafkaError && error.code === "RECORD_TOO_LARGE";

/**
 * Publishes dead letters. A strange record may be larger than our producer's limit (others compress before they count), and a
 * letter is larger than its record: such a one is put aside without its content, or its partition would stand still for ever.
 * Which one it is, the producer does not say, so each is sent alone then; letters that come twice are one.
 * @throws KafkaError if the log does not take them now
 */
export async function publishLetters(
  producer: Pick<Producer, "sendAll">,
  rejected: readonly Rejected[],
): Promise<void> {
  try {
    await producer.sendAll(rejected.map(({ record, error }) => deadLetterRecord(record, error)));
    return;
  } catch (cause) {
    if (!isTooLarge(cause)) throw cause;
  }
  for (const { record, error } of rejected) {
    try {
      await producer.sendAll([deadLetterRecord(record, error)]);
    } catch (cause) {
      if (!isTooLarge(cause)) throw cause;
      await producer.sendAll([bareLetterRecord(record, error)]);
    }
  }
}
