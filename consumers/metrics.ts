import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { createDeadLetterMetrics, type DeadLetterMetrics } from "./dead-letters/metrics.ts";
import { createOrderMetrics, type OrderMetrics } from "./order-metrics.ts";
import { ALARMS, type AlarmKind } from "./payment/alarms.ts";
import { createRetentionMetrics, type RetentionMetrics } from "./retention/metrics.ts";

export interface ConsumersMetrics {
  batch(role: string, records: number, seconds: number): void;
  retried(role: string): void;
  deadLettered(role: string, code: string): void;
  /** An alarm belongs on this one: the role stands still because a neighbour is away. */
  waiting(role: string, waits: boolean): void;
  claims(code: string, count: number): void;
  /** Requests of queued sales by what became of them. */
  decided(outcome: string, count: number): void;
  /** Requests of queued sales that are paused or being rebuilt. */
  waitingRequests(requests: number): void;
  /** Messages that were not told any more, because they are older than an inbox lives. */
  oldNews(messages: number): void;
  /** Messages whose owners cannot be told now. */
  waitingNews(messages: number): void;
  relayed(claims: number): void;
  tailed(claims: number): void;
  ledgerEntries(entries: number): void;
  /** Claims that wait in PostgreSQL until their sale can decide them. */
  deferredClaims(claims: number): void;
  /** Orders about which the sweeper spoke. */
  sweptOrders(orders: number): void;
  /** Looks of the sweeper at orders whose state a newer release wrote. */
  unreadableSagas(orders: number): void;
  /** Parked commands that were sent again. */
  resent(commands: number): void;
  relayedOrders(orders: number): void;
  orderLedgerEntries(entries: number): void;
  recovered(seconds: number): void;
  /** An alarm belongs on this one: sales or buckets that the role cannot treat while it treats the others. */
  leftOut(role: string, things: number): void;
  /** Calls to the payment provider by what they told. */
  paymentCalled(kind: string, seconds: number): void;
  /** An alarm belongs on this one: the payment provider is ill. */
  paymentBreaker(open: boolean): void;
  /** An alarm belongs on this one: a person should look at a payment. */
  paymentAlarm(kind: AlarmKind): void;
  readonly orders: OrderMetrics;
  readonly letters: DeadLetterMetrics;
  readonly retention: RetentionMetrics;
  /** Text in Prometheus' exposition format. */
  text(): Promise<string>;
}

/** Metrics of one process; nothing global, so that tests can have several. */
export function createMetrics(inHand: () => ReadonlyMap<string, number>): ConsumersMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const counter = (name: string, help: string, labelNames: string[]) =>
    new Counter({ name, help, labelNames, registers });
  const records = counter("stampede_consumed_records_total", "Records whose effects are safe", ["role"]);
  const retries = counter("stampede_consumer_retries_total", "Batches that failed and were tried again", ["role"]);
  const dead = counter("stampede_dead_letters_total", "Records that no retry helped", ["role", "code"]);
  const claims = counter("stampede_persisted_claims_total", "Claims by what PostgreSQL made of them", ["code"]);
  const decided = counter("stampede_decided_requests_total", "Requests of queued sales by outcome", ["outcome"]);
  const relayed = counter("stampede_relayed_claims_total", "Claims settled from the ledger instead of the log", []);
  const tailed = counter("stampede_redis_pipeline_claims_total", "Claims of the Redis pipeline settled", []);
  const unreadable = counter("stampede_unreadable_sagas_total", "Looks at orders whose state is a newer release's", []);
  const resent = counter("stampede_resent_commands_total", "Parked commands of orders that were sent again", []);
  const seconds = new Histogram({
    name: "stampede_consumer_batch_seconds",
    help: "From the start of a batch until its offsets can be committed",
    labelNames: ["role"],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30],
    registers,
  });
  const recoveries = new Histogram({
    name: "stampede_sale_recovery_seconds",
    help: "From noticing that Redis lost a sale until it is open again",
    buckets: [0.1, 1, 5, 10, 12, 15, 20, 30, 60, 300],
    registers,
  });
  const paymentCalls = new Histogram({
    name: "stampede_payment_call_seconds",
    help: "Calls to the payment provider by what they told",
    labelNames: ["answer"],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  });
  const breaker = new Gauge({
    name: "stampede_payment_breaker_open",
    help: "1: the payment provider is ill, payments wait for it",
    registers,
  });
  const alarms = counter("stampede_payment_alarms_total", "Payments that a person should look at, by why", ["alarm"]);
  for (const alarm of ALARMS) alarms.inc({ alarm }, 0); // an alert on an increase needs the zero before it
  const waiting = new Gauge({
    name: "stampede_consumer_waiting",
    help: "1: the role stands still until a neighbour is back",
    labelNames: ["role"],
    registers,
  });
  const ledger = new Gauge({
    name: "stampede_ledger_entries",
    help: "Claims in the ledgers of all sales at the relay's last round",
    registers,
  });
  const deferred = new Gauge({
    name: "stampede_deferred_claims",
    help: "Claims that wait in PostgreSQL until their sale can decide them again",
    registers,
  });
  const relayedOrders = counter("stampede_relayed_orders_total", "Orders sent to the log again from the ledger", []);
  const orderLedger = new Gauge({
    name: "stampede_order_ledger_entries",
    help: "Orders in the order ledgers at the relay's last round",
    registers,
  });
  const waitingRequests = new Gauge({
    name: "stampede_waiting_requests",
    help: "Requests of queued sales in hand; of sales that are paused or being rebuilt they wait here",
    registers,
  });
  const leftOut = new Gauge({
    name: "stampede_left_out",
    help: "Sales or order buckets that the role cannot treat now (the log names them); the others go on",
    labelNames: ["role"],
    registers,
  });
  const oldNews = counter(
    "stampede_old_news_total",
    "Messages too old to be told: an inbox would have forgotten them",
    [],
  );
  const waitingNews = new Gauge({
    name: "stampede_waiting_news",
    help: "Messages in hand whose owners' part of Redis does not answer",
    registers,
  });
  const swept = counter("stampede_swept_orders_total", "Orders that had waited too long and were asked about", []);
  new Gauge({
    name: "stampede_consumer_in_hand",
    help: "Records taken from the log whose effects are not safe yet",
    labelNames: ["role"],
    registers,
    collect() {
      for (const [role, count] of inHand()) this.set({ role }, count);
    },
  });
  return {
    batch(role, count, duration) {
      records.inc({ role }, count);
      seconds.observe({ role }, duration);
    },
    retried: (role) => retries.inc({ role }),
    deadLettered: (role, code) => dead.inc({ role, code }),
    waiting: (role, waits) => waiting.set({ role }, waits ? 1 : 0),
    claims: (code, count) => claims.inc({ code }, count),
    decided: (outcome, count) => decided.inc({ outcome }, count),
    waitingRequests: (requests) => waitingRequests.set(requests),
    oldNews: (count) => oldNews.inc(count),
    waitingNews: (count) => waitingNews.set(count),
    relayed: (count) => relayed.inc(count),
    tailed: (count) => tailed.inc(count),
    ledgerEntries: (entries) => ledger.set(entries),
    deferredClaims: (count) => deferred.set(count),
    sweptOrders: (orders) => swept.inc(orders),
    unreadableSagas: (orders) => unreadable.inc(orders),
    orders: createOrderMetrics(registry),
    letters: createDeadLetterMetrics(registry),
    retention: createRetentionMetrics(registry),
    resent: (count) => resent.inc(count),
    relayedOrders: (count) => relayedOrders.inc(count),
    orderLedgerEntries: (entries) => orderLedger.set(entries),
    leftOut: (role, things) => leftOut.set({ role }, things),
    recovered: (duration) => recoveries.observe(duration),
    paymentCalled: (answer, duration) => paymentCalls.observe({ answer }, duration),
    paymentAlarm: (alarm) => alarms.inc({ alarm }),
    paymentBreaker: (open) => breaker.set(open ? 1 : 0),
    text: () => registry.metrics(),
  };
}
