import type { Pointer } from "bun:ffi";
import { codeOf } from "../error-codes.ts";
import { KafkaError } from "../kafka.ts";
import type { Librdkafka } from "./symbols.ts";

/** A librdkafka error number as our error. */
export function kafkaError(rd: Librdkafka, native: number, what: string): KafkaError {
  return new KafkaError(codeOf(native), `${what}: ${rd.rd_kafka_err2str(native) ?? native}`, native);
}

/** Reads an rd_kafka_error_t and destroys it. null: success. */
export function takeError(rd: Librdkafka, error: Pointer | bigint | null, what: string): KafkaError | null {
  if (!error) return null;
  const native = rd.rd_kafka_error_code(error);
  const text = rd.rd_kafka_error_string(error);
  rd.rd_kafka_error_destroy(error);
  return new KafkaError(codeOf(native), `${what}: ${text}`, native);
}
