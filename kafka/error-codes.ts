import type { KafkaErrorCode } from "./kafka.ts";

/** rd_kafka_resp_err_t → our closed set. Negative numbers are librdkafka's own, positive ones the broker's. */
const CODES: Readonly<Record<number, KafkaErrorCode>> = {
  [-197]: "CLOSED", // _DESTROY
  [-152]: "CLOSED", // _PURGE_QUEUE
  [-151]: "CLOSED", // _PURGE_INFLIGHT
  [-184]: "QUEUE_FULL",
  [-192]: "DELIVERY_TIMEOUT", // _MSG_TIMED_OUT
  [-166]: "DELIVERY_TIMEOUT", // _TIMED_OUT_QUEUE
  7: "DELIVERY_TIMEOUT", // REQUEST_TIMED_OUT
  20: "DELIVERY_TIMEOUT", // NOT_ENOUGH_REPLICAS_AFTER_APPEND: stored, but on fewer replicas than required
  10: "RECORD_TOO_LARGE",
  18: "RECORD_TOO_LARGE",
  [-188]: "UNKNOWN_TOPIC",
  [-190]: "UNKNOWN_TOPIC", // _UNKNOWN_PARTITION
  3: "UNKNOWN_TOPIC",
  [-144]: "FENCED",
  47: "FENCED",
  82: "FENCED",
  90: "FENCED",
  [-150]: "FATAL",
  [-142]: "REBALANCED", // _ASSIGNMENT_LOST
  22: "REBALANCED",
  25: "REBALANCED",
  27: "REBALANCED",
  [-195]: "UNAVAILABLE", // _TRANSPORT
  [-193]: "UNAVAILABLE", // _RESOLVE
  [-187]: "UNAVAILABLE", // _ALL_BROKERS_DOWN
  [-185]: "UNAVAILABLE", // _TIMED_OUT
  [-180]: "UNAVAILABLE", // _WAIT_COORD
  5: "UNAVAILABLE",
  6: "UNAVAILABLE",
  8: "UNAVAILABLE",
  9: "UNAVAILABLE",
  13: "UNAVAILABLE",
  14: "UNAVAILABLE",
  15: "UNAVAILABLE",
  16: "UNAVAILABLE",
  19: "UNAVAILABLE", // NOT_ENOUGH_REPLICAS: refused before it was stored
  41: "UNAVAILABLE",
};

/** librdkafka's errors that our code compares with. */
export const ERR = {
  ASSIGN: -175,
  STATE: -172,
  NO_OFFSET: -168,
  ALL_BROKERS_DOWN: -187,
  UNKNOWN_TOPIC_OR_PART: 3,
  TOPIC_EXISTS: 36,
  INVALID_REPLICATION_FACTOR: 38,
} as const;

/** Our code of a librdkafka error. INVALID: a retry does not help. */
export function codeOf(native: number): KafkaErrorCode {
  return CODES[native] ?? "INVALID";
}
