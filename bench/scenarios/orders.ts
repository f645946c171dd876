import type { SagaChoice } from "../../contracts/orders/saga-mode.ts";
import { switchSaga } from "../admin.ts";
import type { Budget, Figures } from "../figures.ts";
import { Histogram } from "../load/histogram.ts";
import type { OrderLoadResult, OrderPace } from "../orders/plan.ts";
import { type OrderRun, runOrders } from "../orders/run-orders.ts";
import { readSayings, readTraffic, type Traffic, trafficSince } from "../orders/traffic.ts";
import type { Scenario, ScenarioRun, Variant } from "../scenario.ts";
import type { Target } from "../target.ts";
import { cpuOf, SERVICES, type Usage } from "../usage.ts";

export interface OrderBench {
  readonly orders: number;
  readonly users: number;
  readonly pace: OrderPace;
  readonly modes: readonly SagaChoice[];
}

/** Found by trying: with 256 the cores have pauses, with 384 orders only wait longer. */
const PLACES = 320;
export const ORDER_BENCH: OrderBench = {
  orders: 10_000,
  users: 1_000,
  pace: { kind: "closed", places: PLACES },
  modes: ["parallel", "sequential", "adaptive"],
};

/** Of the mode that is the default. */
const BUDGETS: readonly Budget[] = [
  { figure: "orders_per_s", atLeast: 1_000 },
  { figure: "e2e_p95_ms", atMost: 800 },
  { figure: "unsettled", atMost: 0 },
];
/** One order in ten by card alone: those are what adaptive treats otherwise. */
const PLAIN_EVERY = 10;

/** Orders that are not counted: processes that have just started compile their code, and only the first mode would pay for that. */
const WARM_UP = 2_000;

/** Orders from POST to the last message on their owner's socket, their steps requested in each of the modes. */
export function ordersScenario({ modes, ...bench }: OrderBench): Scenario {
  let warm: Promise<unknown> | undefined;
  const variant = (mode: SagaChoice): Variant => ({
    name: String(mode),
    budgets: mode === "parallel" ? BUDGETS : [],
    async run(target) {
      const orders = Math.min(WARM_UP, bench.orders);
      warm ??= runOrders(target, { ...bench, orders, plainEvery: PLAIN_EVERY });
      await warm;
      return inMode(target, mode, bench);
    },
  });
  return { name: "orders", sideBySide: true, variants: modes.map(variant) };
}

async function inMode(target: Target, mode: SagaChoice, bench: Omit<OrderBench, "modes">): Promise<ScenarioRun> {
  const back = await switchSaga(target, mode);
  try {
    let cpu = cpuOf(target);
    let before: Traffic | undefined;
    const run = await runOrders(
      target,
      { ...bench, plainEvery: PLAIN_EVERY },
      {
        async onReady() {
          before = await readTraffic(target);
          cpu = cpuOf(target);
        },
      },
    );
    const spent = difference(cpuOf(target), cpu);
    const wrote = await trafficSince(target, before!, run.outcome.placed);
    const { messages, perFullOrder } = await readSayings(target, run.shop);
    const said = messages + cancelMessages(run.load);
    const { placed } = run.outcome;
    return {
      couponId: null,
      wrong: run.outcome.wrong,
      figures: {
        ...loadFigures(run, spent.gateway),
        ...run.figures,
        completed: run.outcome.completed,
        cancelled: run.outcome.cancelled,
        unsettled: run.outcome.unsettled,
        messages_per_full_order: perFullOrder,
        messages_per_order: wrote.messages / placed,
        messages_resent: wrote.messages - said,
        rows_inserted_per_order: wrote.rows.inserted / placed,
        rows_updated_per_order: wrote.rows.updated / placed,
        ...Object.fromEntries(
          SERVICES.map((service) => {
            const micros = spent[service];
            return [`cpu_us_per_order_${service.replace("-", "_")}`, micros === null ? null : micros / placed];
          }),
        ),
      },
    };
  } finally {
    await back();
  }
}

/** The figures that every scenario has; its requests are the orders. */
function loadFigures({ load, outcome, figures }: OrderRun, gatewayMicros: number | null): Figures {
  const accepted = Histogram.parse(load.accepted);
  return {
    requests: outcome.placed,
    seconds: load.seconds,
    rps: figures.orders_per_s,
    p50_ms: accepted.percentile(50) / 1_000,
    p99_ms: accepted.percentile(99) / 1_000,
    max_ms: accepted.max / 1_000,
    cpu_us_per_request: gatewayMicros === null ? null : gatewayMicros / outcome.placed,
  };
}

/** A request to cancel that was taken is a message, and so is its refusal. */
const cancelMessages = ({ cancels, cancelsRefused }: OrderLoadResult) => (cancels[202] ?? 0) + cancelsRefused;

const difference = (now: Usage, before: Usage): Usage =>
  Object.fromEntries(
    SERVICES.map((service) => {
      const [a, b] = [now[service], before[service]];
      return [service, a === null || b === null ? null : a - b];
    }),
  ) as Record<(typeof SERVICES)[number], number | null>;
