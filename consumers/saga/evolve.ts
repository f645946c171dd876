import { type SagaState, type StepState, stepsOf } from "../../contracts/orders/saga-state.ts";
import type { Step } from "../../contracts/orders/steps.ts";
import type { SagaDecision } from "./decisions.ts";

/** An order before its first event. */
export function initialState(): SagaState {
  return {
    version: 1,
    status: "PENDING",
    stepOrder: "PARALLEL",
    order: null,
    steps: stepsOf(null),
    sequence: 1, // OrderCreated's, which the gateway published
  };
}

/** The state after a decision. It only writes down: whether a decision is right was `decide`'s business. */
export function evolve(state: SagaState, decision: SagaDecision): SagaState {
  switch (decision.type) {
    case "OrderOpened": {
      const { order, stepOrder } = decision;
      return { ...state, status: "PROCESSING", order, stepOrder, steps: stepsOf(order) };
    }
    case "CancelNoted":
      return { ...state, failure: decision.failure };
    case "OrderFailed":
      return { ...state, status: "CANCELLING", failure: decision.failure };
    case "StepRequested": {
      const sequence = state.sequence + 1;
      const sent = { ...decision.cause, sequence };
      const step: StepState = { status: "REQUESTED", sent, requestedAt: sent.at };
      return { ...withStep(state, decision.step, step), sequence };
    }
    case "StepCompleted":
      return changed(state, decision.step, { status: "COMPLETED", completedAt: decision.at });
    case "StepFailed":
      return changed(state, decision.step, { status: "FAILED", reason: decision.failure.reason });
    case "CompensationBegun": {
      const { cause, steps } = decision;
      const sequence = state.sequence + 1;
      const sent = { ...cause, sequence, steps };
      // With something to restore, the owner is told that it will take a moment; else the end is told at once.
      return {
        ...state,
        status: "COMPENSATING",
        compensation: sent,
        sequence: steps.length > 0 ? sequence + 1 : sequence,
      };
    }
    case "StepRestoring": {
      const sequence = state.sequence + 1;
      const silent = state.steps[decision.step].status === "REQUESTED";
      const change = {
        status: "RESTORING" as const,
        sent: { ...decision.cause, sequence },
        ...(silent ? { reason: "STEP_TIMED_OUT" as const } : {}),
      };
      return { ...changed(state, decision.step, change), sequence };
    }
    case "StepRestored":
      return changed(state, decision.step, { status: "RESTORED", restoredAt: decision.at });
    case "OrderSettled": {
      const places = placesOf(decision.status);
      const settled = { ...decision.cause, sequence: state.sequence + 1, places };
      return { ...state, status: decision.status, settled, sequence: state.sequence + places };
    }
  }
}

/** The fact and the owner's message; of a cancelled order also the fact on order-events (announcements.ts). */
const placesOf = (status: "COMPLETED" | "CANCELLED"): number => (status === "CANCELLED" ? 3 : 2);

const withStep = (state: SagaState, step: Step, next: StepState): SagaState => ({
  ...state,
  steps: { ...state.steps, [step]: next },
});

/** What was sent is answered, or replaced: `sent` never outlives the status it belongs to. */
function changed(state: SagaState, step: Step, change: StepState): SagaState {
  const { sent: _, ...before } = state.steps[step];
  return withStep(state, step, { ...before, ...change });
}
