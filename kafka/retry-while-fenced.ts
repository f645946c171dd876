import { setTimeout as sleep } from "node:timers/promises";
import { ERR } from "./error-codes.ts";
import { KafkaError } from "./kafka.ts";

const LIMIT_MS = 10_000;
const PAUSE_MS = 100;

/**
 * Runs a request that places partitions, and retries it while the controller has fenced every broker: a broker whose machine
 * stood still for longer than `broker.session.timeout.ms` is fenced until its next heartbeat. `place` must not fail for what an
 * earlier try has done already.
 * @throws KafkaError UNAVAILABLE if all brokers are still fenced after 10 s; other errors of `place`
 */
export async function retryWhileFenced<T>(place: () => Promise<T>): Promise<T> {
  const until = performance.now() + LIMIT_MS;
  for (;;) {
    try {
      return await place();
    } catch (error) {
      if (!isFenced(error)) throw error;
      if (performance.now() >= until) throw new KafkaError("UNAVAILABLE", error.message, error.nativeCode);
      await sleep(PAUSE_MS);
    }
  }
}

/**
 * Kafka has one error code for a replication factor that can never be met and for one that can be met in a moment. Only the
 * message differs (StripedReplicaPlacer of Kafka 4.1).
 */
function isFenced(error: unknown): error is KafkaError {
  return (
    error instanceof KafkaError &&
    error.nativeCode === ERR.INVALID_REPLICATION_FACTOR &&
    error.message.includes("All brokers are currently fenced")
  );
}
