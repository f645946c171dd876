import { setTimeout as sleep } from "node:timers/promises";
import { ERR } from "./error-codes.ts";
import { KafkaError } from "./kafka.ts";

const LIMIT_MS = 10_000;
const PAUSE_MS = 100;

/**
 * Asks a controller to place partitions, again while it takes every broker for lost: the broker of a machine that stood still
 * for longer than `broker.session.timeout.ms` is fenced until its next heartbeat. What has happened already must not fail.
 * @throws KafkaError UNAVAILABLE if they still are after 10 s; whatever else `place` throws
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
 * Kafka has one code for a replication factor that never can be met and for one that can be met in a moment; only its words
 * differ (StripedReplicaPlacer of Kafka 4.1).
 */
function isFenced(error: unknown): error is KafkaError {
  return (
    error instanceof KafkaError &&
    error.nativeCode === ERR.INVALID_REPLICATION_FACTOR &&
    error.message.includes("All brokers are currently fenced")
  );
}
