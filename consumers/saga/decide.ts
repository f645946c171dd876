import type { OrderCreated } from "../../contracts/orders/events.ts";
import type { ModeSetting } from "../../contracts/orders/saga-mode.ts";
import type { Failure, PlacedOrder, SagaState } from "../../contracts/orders/saga-state.ts";
import type { ResultEvent } from "../../contracts/orders/step-events.ts";
import { STEPS, type Step, type StepStatus } from "../../contracts/orders/steps.ts";
import type { ResultCode } from "../../contracts/wire/result-codes.ts";
import type { Cause, SagaDecision } from "./decisions.ts";
import { evolve } from "./evolve.ts";
import { meaningOf, type SagaInput } from "./inputs.ts";
import { STAGES, stepOrderOf } from "./modes.ts";

/** What the role knows besides the event. */
export interface Circumstances {
  /** Now, milliseconds since 1970. */
  readonly at: number;
  readonly mode: ModeSetting;
  /** Of OrderCreated: why the database will not take this order. It becomes CANCELLED, and its owner hears why. */
  readonly refusal?: ResultCode;
}

/** What an event changes about an order: first what it says, then what follows from that. Nothing, if it is known already. */
export function decide(input: SagaInput, state: SagaState, circumstances: Circumstances): SagaDecision[] {
  const said = saidBy(input, state, circumstances);
  const givesUp = input.type === "DeadlinePassed" && input.data.giveUp;
  const cause = { by: input.eventId, at: circumstances.at };
  return [...said, ...following(said.reduce(evolve, state), cause, givesUp)];
}

function saidBy(input: SagaInput, state: SagaState, circumstances: Circumstances): SagaDecision[] {
  switch (input.type) {
    case "OrderCreated": {
      if (state.order !== null) return [];
      const order = placed(input);
      const opened: SagaDecision = { type: "OrderOpened", order, stepOrder: stepOrderOf(order, circumstances.mode) };
      const failure = circumstances.refusal === undefined ? state.failure : { reason: circumstances.refusal };
      return failure === undefined ? [opened] : [opened, { type: "OrderFailed", failure }];
    }
    case "OrderCancelRequested": {
      const { requestedBy } = input.data;
      const failure: Failure = { reason: requestedBy === "USER" ? "CANCELLED_BY_USER" : "CANCELLED_BY_OPERATOR" };
      if (state.order === null) return state.failure === undefined ? [{ type: "CancelNoted", failure }] : [];
      return isCancellable(state) ? [{ type: "OrderFailed", failure }] : [];
    }
    case "DeadlinePassed":
      if (state.status !== "PROCESSING" || !input.data.giveUp) return [];
      return [{ type: "OrderFailed", failure: { reason: "STEP_TIMED_OUT" } }];
    default:
      return saidByStep(input, state, circumstances.at);
  }
}

/** Until the payment is captured: what was paid is shipped. */
export const isCancellable = (state: SagaState): boolean =>
  state.status === "PROCESSING" && state.steps.PAYMENT.status !== "COMPLETED";

/** Statuses in which a step has not said anything. PENDING too: its row decided, also without a request of this saga. */
const SILENT: ReadonlySet<StepStatus> = new Set(["PENDING", "REQUESTED"]);

function saidByStep(input: ResultEvent, state: SagaState, at: number): SagaDecision[] {
  // Of an order that is not here yet: the step repeats itself when it is asked. Of a completed one: all has been said.
  if (state.order === null || state.status === "COMPLETED") return [];
  const { step, says } = meaningOf(input.type);
  const { status } = state.steps[step];
  const failing = (failure: Failure): SagaDecision[] =>
    state.status === "PROCESSING" ? [{ type: "OrderFailed", failure }] : [];
  switch (says) {
    case "COMPLETED":
      return SILENT.has(status) ? [{ type: "StepCompleted", step, at }] : [];
    case "FAILED": {
      if (!SILENT.has(status)) return [];
      const { reason, productId } = input.data as { reason: ResultCode; productId?: Failure["productId"] };
      const failure: Failure = productId === undefined ? { reason } : { reason, productId };
      return [{ type: "StepFailed", step, failure }, ...failing(failure)];
    }
    case "RESTORED":
      // Outranks everything but a refusal: what the step restored, or will refuse, cannot come again.
      if (status === "RESTORED" || status === "FAILED" || status === "SKIPPED") return [];
      return [{ type: "StepRestored", step, at }, ...failing({ reason: "INTERNAL" })];
  }
}

/** What an order does next by itself. */
function following(state: SagaState, cause: Cause, givesUp: boolean): SagaDecision[] {
  const inStatus = (...statuses: StepStatus[]) => STEPS.filter((step) => statuses.includes(state.steps[step].status));
  const restoring = (steps: readonly Step[]): SagaDecision[] =>
    steps.map((step) => ({ type: "StepRestoring", step, cause }));
  switch (state.status) {
    case "PENDING":
    case "COMPLETED":
      return [];
    case "PROCESSING": {
      const stage = STAGES[state.stepOrder].find((steps) => steps.some((step) => !isDone(state, step)));
      if (stage === undefined) return [{ type: "OrderSettled", status: "COMPLETED", cause }];
      return stage
        .filter((step) => state.steps[step].status === "PENDING")
        .map((step) => ({ type: "StepRequested", step, cause }));
    }
    case "CANCELLING": {
      if (!givesUp && inStatus("REQUESTED").length > 0) return [];
      // A silent step may have done its work, or may yet: its restore finds out, or forbids it.
      const steps = inStatus("COMPLETED", "REQUESTED").reverse();
      const begun: SagaDecision = { type: "CompensationBegun", steps, cause };
      if (steps.length > 0) return [begun, ...restoring(steps)];
      return [begun, { type: "OrderSettled", status: "CANCELLED", cause }];
    }
    case "COMPENSATING": {
      const late = inStatus("COMPLETED").reverse();
      if (late.length > 0 || inStatus("RESTORING").length > 0) return restoring(late);
      return [{ type: "OrderSettled", status: "CANCELLED", cause }];
    }
    case "CANCELLED":
      return restoring(inStatus("COMPLETED").reverse());
  }
}

const isDone = (state: SagaState, step: Step) =>
  state.steps[step].status === "COMPLETED" || state.steps[step].status === "SKIPPED";

function placed({ data, occurredAt }: OrderCreated): PlacedOrder {
  const { idempotencyKey: _, ...order } = data;
  return { ...order, createdAt: Date.parse(occurredAt) };
}
