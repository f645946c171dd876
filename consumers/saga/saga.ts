import type { StampedeEvent } from "../../contracts/claims/events.ts";
import type { SagaState } from "../../contracts/orders/saga-state.ts";
import { type Circumstances, decide } from "./decide.ts";
import type { SagaDecision } from "./decisions.ts";
import { evolve, initialState } from "./evolve.ts";
import type { SagaInput } from "./inputs.ts";
import { outputsOf } from "./outputs.ts";

/**
 * The order saga: pure. docs/saga.md draws it. The role reads `state` under the order's row lock (initialState, if there
 * is no row), folds the batch's events of that order with `handle`, writes the last state (and what OrderOpened and
 * OrderSettled mean for the other tables) in one transaction, and then publishes the outputs.
 */
export const saga = { initialState, decide, evolve, outputsOf };
export type Saga = typeof saga;

export interface Handled {
  readonly state: SagaState;
  /** Empty: the event was known, there is nothing to write. Its outputs are published all the same. */
  readonly decisions: readonly SagaDecision[];
  readonly outputs: readonly StampedeEvent[];
}

/** One event. */
export function handle(state: SagaState, input: SagaInput, circumstances: Circumstances, of: Saga = saga): Handled {
  const decisions = of.decide(input, state, circumstances);
  const next = decisions.reduce(of.evolve, state);
  return { state: next, decisions, outputs: of.outputsOf(next, input) };
}
