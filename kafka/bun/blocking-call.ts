import { codeOf } from "../error-codes.ts";
import { KafkaError } from "../kafka.ts";
import { kafkaError } from "./errors.ts";
import type { NativeClient } from "./native-client.ts";

const FIRST_BLOCK_MS = 20;
const LONGEST_BLOCK_MS = 400;
/** Of the time between two attempts, the event loop gets so many times what an attempt may take. */
const PAUSE_FACTOR = 3;

/**
 * Runs one of the calls that librdkafka offers only as blocking ones. It may block for 20 ms at first and longer
 * with every attempt, with longer pauses for the event loop between: a near broker answers in one or two milliseconds, a
 * distant one gets its time, and a dead one takes a quarter of the process at most.
 * @param call returns an rd_kafka_resp_err_t
 * @throws KafkaError
 */
export async function blocking(
  client: NativeClient,
  what: string,
  timeoutMs: number,
  call: (blockMs: number) => number,
): Promise<void> {
  const until = performance.now() + timeoutMs;
  for (let block = FIRST_BLOCK_MS; ; block = Math.min(block * 2, LONGEST_BLOCK_MS)) {
    if (client.destroyed) throw new KafkaError("CLOSED", `${what}: the client is closed`);
    const left = until - performance.now();
    const native = call(Math.max(1, Math.min(block, left)));
    if (native === 0) return;
    if (codeOf(native) !== "UNAVAILABLE" || left <= block) throw kafkaError(client.rd, native, what);
    await Bun.sleep(PAUSE_FACTOR * block);
  }
}
