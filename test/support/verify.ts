import { createBunKafka } from "../../kafka/bun/kafka.ts";
import type { VerifyReport } from "../../verify/check.ts";
import type { VerifyEnvironment } from "../../verify/connect.ts";
import { type VerifyOptions, verify as verifyWith } from "../../verify/verify.ts";

/** `verify` with Bun's Kafka client, at the brokers that `env` names. */
export function verify(env: VerifyEnvironment, options: VerifyOptions = {}): Promise<VerifyReport> {
  return verifyWith(env, createBunKafka({ brokers: env.KAFKA_BROKERS ?? "", clientId: "verify" }), options);
}
