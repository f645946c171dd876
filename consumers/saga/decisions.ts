import type { Failure, PlacedOrder, StepOrder } from "../../contracts/orders/saga-state.ts";
import type { Step } from "../../contracts/orders/steps.ts";

/** Of which event, and when: kept with everything that will be sent because of it. */
export interface Cause {
  /** The event's id. */
  readonly by: string;
  /** Milliseconds since 1970, by the saga's clock. */
  readonly at: number;
}

/** What an event changed about an order. They are not published; `evolve` turns them into the next state. */
export type SagaDecision =
  | { readonly type: "OrderOpened"; readonly order: PlacedOrder; readonly stepOrder: StepOrder }
  /** A request to cancel came before the order itself. */
  | { readonly type: "CancelNoted"; readonly failure: Failure }
  | { readonly type: "StepRequested"; readonly step: Step; readonly cause: Cause }
  | { readonly type: "StepCompleted"; readonly step: Step; readonly at: number }
  | { readonly type: "StepFailed"; readonly step: Step; readonly failure: Failure }
  /** From here on nothing more is requested. */
  | { readonly type: "OrderFailed"; readonly failure: Failure }
  | { readonly type: "CompensationBegun"; readonly steps: readonly Step[]; readonly cause: Cause }
  | { readonly type: "StepRestoring"; readonly step: Step; readonly cause: Cause }
  | { readonly type: "StepRestored"; readonly step: Step; readonly at: number }
  | { readonly type: "OrderSettled"; readonly status: "COMPLETED" | "CANCELLED"; readonly cause: Cause };
