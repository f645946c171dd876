import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { PIPELINES, type Pipeline } from "../contracts/claims/pipeline.ts";
import type { ResultCode } from "../contracts/wire/result-codes.ts";

export interface GatewayMetrics {
  countClaim(code: string, from: "gate" | "redis"): void;
  acceptedBy(pipeline: Pipeline): void;
  observeClaim(seconds: number): void;
  /** A POST /orders was answered. `code`: ACCEPTED, REPEATED, or why it was refused. */
  observeOrder(code: ResultCode, seconds: number): void;
  breakerOpen(open: boolean): void;
  /** Sales about which Redis fails to answer now, while it answers about others. */
  leftOut(sales: number): void;
  /** Text in Prometheus' exposition format. */
  text(): Promise<string>;
}

export interface GaugeSources {
  readonly inFlight: () => number;
  readonly ordersInFlight: () => number;
  readonly sockets: () => number;
  readonly producerQueued: () => number;
  readonly redisPercent: () => number;
  readonly filterBytes: () => number;
}

const LATENCY_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];

/** The gateway's metrics. Claims are counted in a plain map and copied at scrape time: a label look-up costs a microsecond. */
export function createMetrics(sources: GaugeSources): GatewayMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const counts = { gate: new Map<string, number>(), redis: new Map<string, number>() };
  new Counter({
    name: "stampede_claims_total",
    help: "Answered claims by result code and by what decided (gate: from memory)",
    labelNames: ["code", "from"],
    registers: [registry],
    collect() {
      this.reset();
      for (const from of ["gate", "redis"] as const) {
        for (const [code, n] of counts[from]) this.inc({ code, from }, n);
      }
    },
  });
  const accepted: Record<Pipeline, number> = { kafka: 0, redis: 0 };
  new Counter({
    name: "stampede_accepted_claims_total",
    help: "Claims accepted for the first time, by pipeline",
    labelNames: ["pipeline"],
    registers: [registry],
    collect() {
      this.reset();
      for (const pipeline of PIPELINES) this.inc({ pipeline }, accepted[pipeline]);
    },
  });
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  gauge("stampede_claims_in_flight", "Claims that are not answered yet", sources.inFlight);
  gauge("stampede_orders_in_flight", "Orders that are not answered yet", sources.ordersInFlight);
  gauge("stampede_sockets", "Open WebSockets", sources.sockets);
  gauge("stampede_producer_queued", "Records waiting for Kafka's report", sources.producerQueued);
  gauge(
    "stampede_pipeline_redis_percent",
    "Percentage of users whose claims skip Kafka on this gateway",
    sources.redisPercent,
  );
  gauge("stampede_gate_filter_bytes", "Memory of the winners' filters of all sales", sources.filterBytes);
  const breaker = new Gauge({
    name: "stampede_ack_breaker_open",
    help: "1: Kafka's reports are late, claims answer from the ledger",
    registers: [registry],
  });
  const leftOut = new Gauge({
    name: "stampede_left_out_sales",
    help: "Sales about which Redis fails to answer now (the log names them); the others continue",
    registers: [registry],
  });
  const orders = new Counter({
    name: "stampede_orders_total",
    help: "Answered POST /orders: ACCEPTED, REPEATED, or why they were refused",
    labelNames: ["code"],
    registers: [registry],
  });
  const orderLatency = new Histogram({
    name: "stampede_order_seconds",
    help: "From an order's arrival to its 202",
    buckets: LATENCY_BUCKETS,
    registers: [registry],
  });
  const latency = new Histogram({
    name: "stampede_claim_seconds",
    help: "From a claim's arrival behind the gate to its answer",
    buckets: LATENCY_BUCKETS,
    registers: [registry],
  });
  return {
    countClaim(code, from) {
      const map = counts[from];
      map.set(code, (map.get(code) ?? 0) + 1);
    },
    acceptedBy: (pipeline) => void accepted[pipeline]++,
    observeClaim: (seconds) => latency.observe(seconds),
    observeOrder(code, seconds) {
      orders.inc({ code });
      if (code === "ACCEPTED" || code === "REPEATED") orderLatency.observe(seconds);
    },
    leftOut: (sales) => leftOut.set(sales),
    breakerOpen: (open) => breaker.set(open ? 1 : 0),
    text: () => registry.metrics(),
  };
}
