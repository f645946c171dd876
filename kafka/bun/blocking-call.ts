import { codeOf } from "../error-codes.ts";
import { KafkaError } from "../kafka.ts";
import { kafkaError } from "./errors.ts";
import type { NativeClient } from "./native-client.ts";

const FIRST_BLOCK_MS = 20;
const LONGEST_BLOCK_MS = 400;
/** The pause after an attempt, as a multiple of the time that the attempt may block. The event loop runs in the pause. */
const PAUSE_FACTOR = 3;

/**
 * Runs a call that librdkafka offers only as a blocking one. The first attempt may block for 20 ms, each further one for twice as
 * long (at most 400 ms), with pauses for the event loop in between. A near broker answers in one or two milliseconds, a distant one
 * gets enough time, and a dead one takes at most a quarter of the process' time.
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
