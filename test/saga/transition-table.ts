import type { SagaInput } from "../../consumers/saga/inputs.ts";
import { handle } from "../../consumers/saga/saga.ts";
import type { StampedeEvent } from "../../contracts/claims/events.ts";
import { STEP_EVENT_TYPES, STEPS, type Step } from "../../contracts/orders/steps.ts";
import { clock, stateAfter } from "./given.ts";
import {
  cancelRequested,
  captured,
  completed,
  deadlinePassed,
  failed,
  orderCreated,
  restored,
  stageOne,
} from "./orders.ts";

interface Situation {
  readonly name: string;
  /** The step whose results the table asks about. */
  readonly step: Step;
  readonly before: readonly SagaInput[];
}

const created = orderCreated();
const declined = [created, ...stageOne, failed("PAYMENT", "PAYMENT_DECLINED")];
const back = [restored("COUPON"), restored("POINT")];

const SITUATIONS: readonly Situation[] = [
  { name: "PENDING, unknown", step: "STOCK", before: [] },
  { name: "PENDING, cancel noted", step: "STOCK", before: [cancelRequested()] },
  { name: "PROCESSING, STOCK asked last", step: "STOCK", before: [created, completed("COUPON"), completed("POINT")] },
  { name: "PROCESSING, PAYMENT asked", step: "PAYMENT", before: [created, ...stageOne] },
  { name: "PROCESSING, paid, SHIPPING asked", step: "SHIPPING", before: captured },
  {
    name: "CANCELLING, STOCK asked",
    step: "STOCK",
    before: [created, completed("COUPON"), failed("POINT", "INTERNAL")],
  },
  { name: "COMPENSATING, STOCK last", step: "STOCK", before: [...declined, ...back] },
  { name: "COMPLETED", step: "SHIPPING", before: [...captured, completed("SHIPPING")] },
  { name: "CANCELLED, STOCK restored", step: "STOCK", before: [...declined, ...back, restored("STOCK")] },
  { name: "CANCELLED, STOCK never asked", step: "STOCK", before: [cancelRequested(), created] },
];

const EVENTS: Readonly<Record<string, (step: Step) => SagaInput>> = {
  OrderCreated: () => created,
  OrderCancelRequested: () => cancelRequested(),
  Completed: completed,
  Failed: (step) => failed(step, "INTERNAL"),
  Restored: restored,
  "DeadlinePassed, resend": () => deadlinePassed(1, STEPS, false),
  "DeadlinePassed, giveUp": () => deadlinePassed(1, [], true),
};

/** In a word or two: what became of the order, and what was said. */
function cellOf({ step, before }: Situation, event: (step: Step) => SagaInput): string {
  const state = stateAfter(before);
  const circumstances = { at: clock(before.length), mode: { mode: "PARALLEL", parallelPercent: 0 } } as const;
  const handled = handle(state, event(step), circumstances);
  const changed = handled.decisions.length > 0;
  const became = handled.state.status === state.status ? "" : handled.state.status;
  const what = [became, ...said(handled.outputs)].filter((word) => word !== "").join(", ");
  if (what !== "") return changed ? what : `again: ${what}`;
  if (!changed) return "–";
  return handled.state.steps === state.steps ? "noted" : `${step} is ${handled.state.steps[step].status}`;
}

function said(outputs: readonly StampedeEvent[]): string[] {
  const types: readonly string[] = outputs.map(({ type }) => type);
  const stepsOf = (name: "requested" | "restoreRequested") =>
    types.flatMap((type) => STEPS.find((step) => STEP_EVENT_TYPES[step][name] === type) ?? []).join(" ");
  const [asked, restored] = [stepsOf("requested"), stepsOf("restoreRequested")];
  return [
    asked === "" ? "" : `asks ${asked}`,
    restored === "" ? "" : `restores ${restored}`,
    types.includes("OrderCancelRefused") ? "refuses" : "",
    types.includes("OrderCompleted") ? "OrderCompleted" : "",
    types.includes("CompensationCompleted") && types.includes("OrderCancelled") ? "OrderCancelled" : "",
  ];
}

/** What the saga does with every event in every situation, as a Markdown table. */
export function transitionTable(): string {
  const names = Object.keys(EVENTS);
  const row = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rows = SITUATIONS.map((situation) =>
    row([situation.name, ...names.map((name) => cellOf(situation, EVENTS[name]!))]),
  );
  return [row(["situation", ...names]), row(["", ...names].map(() => "---")), ...rows].join("\n");
}
