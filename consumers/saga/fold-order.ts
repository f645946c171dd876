import type { StampedeEvent } from "../../contracts/claims/events.ts";
import type { OrderId } from "../../contracts/orders/ids.ts";
import type { SagaState } from "../../contracts/orders/saga-state.ts";
import type { Circumstances } from "./decide.ts";
import type { SagaDecision } from "./decisions.ts";
import type { SagaInput } from "./inputs.ts";
import { handle, saga } from "./saga.ts";

/** What a batch's events made of one order. */
export interface Folded {
  readonly orderId: OrderId;
  /** null: the order has no row yet. */
  readonly before: SagaState | null;
  readonly state: SagaState;
  /** Of all its events. */
  readonly decisions: readonly SagaDecision[];
  /** How many events changed something; 0: nothing to write. */
  readonly transitions: number;
  readonly outputs: readonly StampedeEvent[];
}

/** Handles the events of one order in the order of their arrival. */
export function foldOrder(
  orderId: OrderId,
  before: SagaState | null,
  inputs: readonly SagaInput[],
  circumstances: Circumstances,
): Folded {
  let state = before ?? saga.initialState();
  let transitions = 0;
  const decisions: SagaDecision[] = [];
  const outputs: StampedeEvent[] = [];
  for (const input of inputs) {
    const handled = handle(state, input, circumstances);
    if (handled.decisions.length > 0) transitions++;
    state = handled.state;
    decisions.push(...handled.decisions);
    outputs.push(...handled.outputs);
  }
  return { orderId, before, state, decisions, transitions, outputs };
}
