import type { Registry } from "prom-client";
import { metricMakers } from "../engine/metric-makers.ts";
import { ALARMS, type AlarmKind } from "./alarms.ts";

export interface PaymentMetrics {
  /** Calls to the payment provider by what they told. */
  paymentCalled(kind: string, seconds: number): void;
  /** Alert on this one: the payment provider is ill. */
  paymentBreaker(open: boolean): void;
  /** Alert on this one: a person should look at a payment. */
  paymentAlarm(kind: AlarmKind): void;
}

export function createPaymentMetrics(registry: Registry): PaymentMetrics {
  const { counter, gauge, histogram } = metricMakers(registry);
  const calls = histogram(
    "stampede_payment_call_seconds",
    "Calls to the payment provider by what they told",
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    ["answer"],
  );
  const breaker = gauge("stampede_payment_breaker_open", "1: the payment provider is ill, payments wait for it");
  const alarms = counter("stampede_payment_alarms_total", "Payments that a person should look at, by why", ["alarm"]);
  for (const alarm of ALARMS) alarms.inc({ alarm }, 0); // an alert on an increase needs the zero before it
  return {
    paymentCalled: (answer, duration) => calls.observe({ answer }, duration),
    paymentBreaker: (open) => breaker.set(open ? 1 : 0),
    paymentAlarm: (alarm) => alarms.inc({ alarm }),
  };
}
