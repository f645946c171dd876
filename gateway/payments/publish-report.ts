import { StampedeError } from "../../contracts/wire/errors.ts";
import { KafkaError, type Producer } from "../../kafka/kafka.ts";
import type { WebhookParts } from "./webhook-route.ts";

/** @param ackMs how long a webhook waits for the log; after a 503 the provider calls again */
export function createPublishReport(
  producer: Pick<Producer, "send">,
  ackMs: number,
  onError: (error: unknown) => void,
): WebhookParts["publish"] {
  return async (record) => {
    try {
      await producer.send(record, { deadlineMs: ackMs });
    } catch (error) {
      if (!(error instanceof KafkaError && error.retryable)) onError(error);
      throw new StampedeError("KAFKA_UNAVAILABLE", undefined, { cause: error });
    }
  };
}
