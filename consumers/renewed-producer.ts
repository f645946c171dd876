import { type Kafka, KafkaError, type Producer, type ProducerOptions } from "../kafka/kafka.ts";

/**
 * So many calls in a row that end in DELIVERY_TIMEOUT although a broker is connected are no outage: after a broker was
 * frozen for longer than message.timeout.ms, librdkafka's idempotent producer sometimes never sends again (seen once
 * in twenty times, with 2.15.1). Tens of seconds, so that a slow broker alone does not cost a client.
 */
const STUCK_AFTER = 4;
/**
 * Without a connected broker it is most likely an outage, which a new client does not end either. But a client can also have
 * forgotten all brokers for good (librdkafka #5301), and under Node nobody can name them to it again.
 */
const FORGOTTEN_AFTER = 30;

/**
 * A producer that replaces itself after an error which its client does not survive (FATAL, FENCED), or when it delivers
 * nothing any more. The failed call still rejects: its caller repeats the batch, and finds the new client. A record may
 * then be in the log twice; its event id is the same.
 */
export function createRenewedProducer(
  kafka: Pick<Kafka, "producer">,
  options: ProducerOptions,
  onRenewal: (error: KafkaError) => void,
): Pick<Producer, "sendAll" | "stats" | "close"> {
  let current = kafka.producer(options);
  let timeouts = 0;

  function isDead(error: unknown, used: Producer): error is KafkaError {
    if (!(error instanceof KafkaError)) return false;
    timeouts = error.code === "DELIVERY_TIMEOUT" ? timeouts + 1 : 0;
    const stuck = timeouts >= (used.stats().connected ? STUCK_AFTER : FORGOTTEN_AFTER);
    return stuck || error.code === "FATAL" || error.code === "FENCED";
  }

  return {
    async sendAll(records, sendOptions) {
      const used = current;
      try {
        await used.sendAll(records, sendOptions);
        timeouts = 0;
      } catch (error) {
        if (used === current && isDead(error, used)) {
          current = kafka.producer(options);
          timeouts = 0;
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
