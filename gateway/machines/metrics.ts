import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { PIPELINES, type Pipeline } from "../../contracts/claims/pipeline.ts";
import type { ResultCode } from "../../contracts/wire/result-codes.ts";

export interface GatewayMetrics {
  countClaim(code: string, from: "gate" | "redis"): void;
  acceptedBy(pipeline: Pipeline): void;
  observeClaim(seconds: number): void;
  /** A POST /orders was answered. `code`: ACCEPTED, REPEATED, or why it was refused. */
  observeOrder(code: ResultCode, seconds: number): void;
  breakerOpen(open: boolean): void;
  /** A value that is read whenever Prometheus asks. */
  gauge(name: string, help: string, read: () => number): void;
  /** Counts by one label that are read whenever Prometheus asks. */
  counts(
    name: string,
    help: string,
    label: string,
    read: () => Iterable<readonly [value: string, count: number]>,
  ): void;
  /** What the limits have refused, by kind. */
  refusals<Kind extends string>(kinds: readonly Kind[], total: (kind: Kind) => number): void;
  /** An answer of an endpoint. */
  countAnswer(operationId: string, status: number): void;
  /** Sales about which Redis fails to answer now, while it answers about others. */
  leftOut(sales: number): void;
  /** Text in Prometheus' exposition format. */
  text(): Promise<string>;
}

const LATENCY_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];

function readCounts(
  registry: Registry,
  name: string,
  help: string,
  label: string,
  read: () => Iterable<readonly [value: string, count: number]>,
): void {
  new Counter({
    name,
    help,
    labelNames: [label],
    registers: [registry],
    collect() {
      this.reset();
      for (const [value, count] of read()) this.inc({ [label]: value }, count);
    },
  });
}

function countRefusals<Kind extends string>(
  registry: Registry,
  kinds: readonly Kind[],
  total: (kind: Kind) => number,
): void {
  new Counter({
    name: "stampede_refused_total",
    help: "What the limits have refused, by kind of limit",
    labelNames: ["limit"],
    registers: [registry],
    collect() {
      this.reset();
      for (const limit of kinds) this.inc({ limit }, total(limit));
    },
  });
}

/** Claims are counted in plain maps and copied at scrape time: a label look-up costs a microsecond. */
function claimMetrics(
  registry: Registry,
): Pick<GatewayMetrics, "countClaim" | "acceptedBy" | "observeClaim" | "breakerOpen"> {
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
  const latency = new Histogram({
    name: "stampede_claim_seconds",
    help: "From a claim's arrival behind the gate to its answer",
    buckets: LATENCY_BUCKETS,
    registers: [registry],
  });
  const breaker = new Gauge({
    name: "stampede_ack_breaker_open",
    help: "1: Kafka's reports are late, claims answer from the ledger",
    registers: [registry],
  });
  return {
    countClaim(code, from) {
      const map = counts[from];
      map.set(code, (map.get(code) ?? 0) + 1);
    },
    acceptedBy: (pipeline) => void accepted[pipeline]++,
    observeClaim: (seconds) => latency.observe(seconds),
    breakerOpen: (open) => breaker.set(open ? 1 : 0),
  };
}

function orderMetrics(registry: Registry): Pick<GatewayMetrics, "observeOrder"> {
  const orders = new Counter({
    name: "stampede_orders_total",
    help: "Answered POST /orders: ACCEPTED, REPEATED, or why they were refused",
    labelNames: ["code"],
    registers: [registry],
  });
  const latency = new Histogram({
    name: "stampede_order_seconds",
    help: "From an order's arrival to its 202",
    buckets: LATENCY_BUCKETS,
    registers: [registry],
  });
  return {
    observeOrder(code, seconds) {
      orders.inc({ code });
      if (code === "ACCEPTED" || code === "REPEATED") latency.observe(seconds);
    },
  };
}

/** Counted in a plain map, as claims are. */
function answerMetrics(registry: Registry): Pick<GatewayMetrics, "countAnswer"> {
  const answers = new Map<string, number>();
  new Counter({
    name: "stampede_http_answers_total",
    help: "Answers by operation and status; claims are in stampede_claims_total",
    labelNames: ["operation", "status"],
    registers: [registry],
    collect() {
      this.reset();
      for (const [key, n] of answers) {
        const [operation, status] = key.split(" ") as [string, string];
        this.inc({ operation, status }, n);
      }
    },
  });
  return {
    countAnswer(operationId, status) {
      const key = `${operationId} ${status}`;
      answers.set(key, (answers.get(key) ?? 0) + 1);
    },
  };
}

function readGauge(registry: Registry, name: string, help: string, read: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
}

/** The gateway's metrics. Each member may be passed on as a function. */
export function createMetrics(): GatewayMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const leftOut = new Gauge({
    name: "stampede_left_out_sales",
    help: "Sales about which Redis fails to answer now (the log names them); the others continue",
    registers: [registry],
  });
  return {
    ...claimMetrics(registry),
    ...orderMetrics(registry),
    ...answerMetrics(registry),
    gauge: (name, help, read) => readGauge(registry, name, help, read),
    refusals: (kinds, total) => countRefusals(registry, kinds, total),
    counts: (name, help, label, read) => readCounts(registry, name, help, label, read),
    leftOut: (sales) => leftOut.set(sales),
    text: () => registry.metrics(),
  };
}
