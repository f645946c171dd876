import { type Kafka, KafkaError, type Producer, type ProducerOptions } from "../kafka/kafka.ts";

/**
 * A producer that replaces itself after an error which its client does not survive (FATAL, FENCED). The failed call still
 * rejects: its caller repeats the batch, and finds the new client.
 */
export function createRenewedProducer(
  kafka: Pick<Kafka, "producer">,
  options: ProducerOptions,
  onRenewal: (error: KafkaError) => void,
): Pick<Producer, "sendAll" | "stats" | "close"> {
  let current = kafka.producer(options);
  return {
    async sendAll(records, sendOptions) {
      const used = current;
      try {
        await used.sendAll(records, sendOptions);
      } catch (error) {
        const dead = error instanceof KafkaError && (error.code === "FATAL" || error.code === "FENCED");
        if (dead && used === current) {
          current = kafka.producer(options);
          onRenewal(error);
          used.close(0).catch(() => {}); // it is beyond repair; closing only frees its memory
        }
        throw error;
      }
    },
    stats: () => current.stats(),
    close: (timeoutMs) => current.close(timeoutMs),
  };
}
