import { collectDefaultMetrics, Registry } from "prom-client";
import { type ClaimMetrics, createClaimMetrics } from "./claims/metrics.ts";
import { createDeadLetterMetrics, type DeadLetterMetrics } from "./dead-letters/metrics.ts";
import { createEngineMetrics, type EngineMetrics } from "./engine/metrics.ts";
import { createNotifyMetrics, type NotifyMetrics } from "./notify/metrics.ts";
import {
  createOrderLoopMetrics,
  createOrderMetrics,
  type OrderLoopMetrics,
  type OrderMetrics,
} from "./order-metrics.ts";
import { createPaymentMetrics, type PaymentMetrics } from "./payment/metrics.ts";
import { createRetentionMetrics, type RetentionMetrics } from "./retention/metrics.ts";

export interface ConsumersMetrics extends EngineMetrics, ClaimMetrics, NotifyMetrics, PaymentMetrics, OrderLoopMetrics {
  readonly orders: OrderMetrics;
  readonly letters: DeadLetterMetrics;
  readonly retention: RetentionMetrics;
  /** Text in Prometheus' exposition format. */
  text(): Promise<string>;
}

/** Metrics of one process; nothing global, so that tests can have several. @param inHand records in hand by role */
export function createMetrics(inHand: () => ReadonlyMap<string, number>): ConsumersMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return {
    ...createEngineMetrics(registry, inHand),
    ...createClaimMetrics(registry),
    ...createNotifyMetrics(registry),
    ...createPaymentMetrics(registry),
    ...createOrderLoopMetrics(registry),
    orders: createOrderMetrics(registry),
    letters: createDeadLetterMetrics(registry),
    retention: createRetentionMetrics(registry),
    text: () => registry.metrics(),
  };
}
