import { createBunKafka } from "../kafka/bun/kafka.ts";
import type { VerifyReport } from "../verify/check.ts";
import { verify } from "../verify/verify.ts";
import type { BenchEnvironment } from "./target.ts";

/** The invariant checker's report on a running stack: on all of it, or on one sale without orders. */
export function verified(env: BenchEnvironment, couponId: string | null = null): Promise<VerifyReport> {
  const kafka = createBunKafka({ brokers: env.KAFKA_BROKERS ?? "", clientId: "verify" });
  return verify(env, kafka, couponId === null ? {} : { couponId });
}
