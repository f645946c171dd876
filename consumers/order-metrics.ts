import type { Registry } from "prom-client";
import type { SagaState } from "../contracts/orders/saga-state.ts";
import type { Step } from "../contracts/orders/steps.ts";
import type { Surveyed } from "../db/orders/due.ts";
import { metricMakers } from "./engine/metric-makers.ts";
import type { SagaDecision } from "./saga/decisions.ts";
import type { Folded } from "./saga/fold-order.ts";

/** What an operator wants to know of orders. */
export interface OrderMetrics {
  /** A batch of the saga was committed. An event that is handled again decides nothing, so nothing counts twice. */
  advanced(folded: readonly Folded[]): void;
  parked(step: Step, reason: string, commands: number): void;
  /** Alert on this one: the step's batches keep failing. */
  stepBreaker(step: Step, open: boolean): void;
  surveyed(found: readonly Surveyed[]): void;
}

/** What the sweeper, the relay of the order ledgers and the sender of parked commands tell. */
export interface OrderLoopMetrics {
  /** Orders about which the sweeper published DeadlinePassed. */
  sweptOrders(orders: number): void;
  /** Looks of the sweeper at orders whose state a newer release wrote. */
  unreadableSagas(orders: number): void;
  /** Parked commands that were sent again. */
  resent(commands: number): void;
  relayedOrders(orders: number): void;
  orderLedgerEntries(entries: number): void;
}

const SETTLE_BUCKETS = [0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3, 10, 30, 60, 300, 900, 3_600];
const STEP_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30, 60, 300, 900];
const NAMES = { OPEN: "order", PAYMENT: "payment", PARKED: "command" } as const;

export function createOrderMetrics(registry: Registry): OrderMetrics {
  const { counter, gauge } = metricMakers(registry);
  const parked = counter("stampede_parked_commands_total", "Commands of orders that were put aside", [
    "step",
    "reason",
  ]);
  const breaker = gauge("stampede_step_breaker_open", "1: the step's batches keep failing, its commands are parked", [
    "step",
  ]);
  return {
    ...createDecisionMetrics(registry),
    ...createSurveyMetrics(registry),
    parked: (step, reason, commands) => parked.inc({ step, reason }, commands),
    stepBreaker: (step, isOpen) => breaker.set({ step }, isOpen ? 1 : 0),
  };
}

/** Counts what the saga decided. */
function createDecisionMetrics(registry: Registry): Pick<OrderMetrics, "advanced"> {
  const { counter, histogram } = metricMakers(registry);
  const opened = counter("stampede_opened_orders_total", "Orders that the saga began, by the order of their steps", [
    "steps",
  ]);
  const settled = counter("stampede_settled_orders_total", "Orders that ended, and why they were cancelled", [
    "status",
    "reason",
  ]);
  const settling = histogram(
    "stampede_order_settle_seconds",
    "From the order's acceptance to its end",
    SETTLE_BUCKETS,
    ["status"],
  );
  const said = counter("stampede_order_steps_total", "What steps of orders said (COMPLETED, FAILED, RESTORED)", [
    "step",
    "outcome",
    "reason",
  ]);
  const answering = histogram("stampede_order_step_seconds", "From asking a step to its completion", STEP_BUCKETS, [
    "step",
  ]);

  function count(decision: SagaDecision, { steps: states, failure, order }: SagaState): void {
    switch (decision.type) {
      case "OrderOpened":
        opened.inc({ steps: decision.stepOrder });
        return;
      case "StepCompleted": {
        const { step, at } = decision;
        const { requestedAt } = states[step];
        said.inc({ step, outcome: "COMPLETED", reason: "" });
        if (requestedAt !== undefined) answering.observe({ step }, secondsBetween(requestedAt, at));
        return;
      }
      case "StepFailed":
        said.inc({ step: decision.step, outcome: "FAILED", reason: decision.failure.reason });
        return;
      case "StepRestored":
        said.inc({ step: decision.step, outcome: "RESTORED", reason: "" });
        return;
      case "OrderSettled": {
        const { status, cause } = decision;
        settled.inc({ status, reason: failure?.reason ?? "" });
        if (order !== null) settling.observe({ status }, secondsBetween(order.createdAt, cause.at));
        return;
      }
    }
  }

  return {
    advanced(folded) {
      for (const { decisions, state } of folded) for (const decision of decisions) count(decision, state);
    },
  };
}

/** How many orders, payments and commands are waiting, and for how long. */
function createSurveyMetrics(registry: Registry): Pick<OrderMetrics, "surveyed"> {
  const { gauge } = metricMakers(registry);
  const open = gauge("stampede_open_orders", "Orders that have not settled, by status", ["status"]);
  const overdue = gauge("stampede_overdue_orders", "Orders that are open although ORDER_SETTLE_S is over");
  const payments = gauge(
    "stampede_unsettled_payments",
    "Payments without a definite answer (CHARGE), to refund, or to ask about (CHECK)",
    ["waiting"],
  );
  const waiting = gauge("stampede_parked_commands", "Commands of orders that are put aside now", ["step"]);
  const oldest = gauge(
    "stampede_oldest_seconds",
    "Age of the oldest open order, unsettled payment, command put aside",
    ["what"],
  );
  return {
    surveyed(found) {
      for (const one of [open, payments, waiting]) one.reset();
      overdue.set(0);
      for (const what of ["OPEN", "PAYMENT", "PARKED"] as const) {
        const ages = found.filter((one) => one.what === what).map(({ oldestS }) => oldestS);
        oldest.set({ what: NAMES[what] }, Math.max(0, ...ages));
      }
      for (const { what, name, count: howMany } of found) {
        if (what === "OPEN") open.set({ status: name }, howMany);
        if (what === "OVERDUE") overdue.inc(howMany);
        if (what === "PAYMENT") payments.set({ waiting: name }, howMany);
        if (what === "PARKED") waiting.set({ step: name }, howMany);
      }
    },
  };
}

export function createOrderLoopMetrics(registry: Registry): OrderLoopMetrics {
  const { counter, gauge } = metricMakers(registry);
  const swept = counter("stampede_swept_orders_total", "Orders that had waited too long and were asked about");
  const unreadable = counter("stampede_unreadable_sagas_total", "Looks at orders whose state is a newer release's");
  const resent = counter("stampede_resent_commands_total", "Parked commands of orders that were sent again");
  const relayed = counter("stampede_relayed_orders_total", "Orders sent to the log again from the ledger");
  const ledger = gauge("stampede_order_ledger_entries", "Orders in the order ledgers at the relay's last round");
  return {
    sweptOrders: (orders) => swept.inc(orders),
    unreadableSagas: (orders) => unreadable.inc(orders),
    resent: (count) => resent.inc(count),
    relayedOrders: (count) => relayed.inc(count),
    orderLedgerEntries: (entries) => ledger.set(entries),
  };
}

/** Clocks of two machines may differ. */
const secondsBetween = (fromMs: number, toMs: number) => Math.max(0, toMs - fromMs) / 1_000;
