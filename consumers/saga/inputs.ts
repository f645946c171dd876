import type { DeadlinePassed, OrderCancelRequested, OrderCreated } from "../../contracts/orders/events.ts";
import type { ResultEvent } from "../../contracts/orders/step-events.ts";
import { type ResultType, STEP_EVENT_TYPES, STEPS, type Step } from "../../contracts/orders/steps.ts";

/** What the saga consumes: order-events and order-processing-results. */
export type SagaInput = OrderCreated | OrderCancelRequested | DeadlinePassed | ResultEvent;

export interface ResultMeaning {
  readonly step: Step;
  readonly says: "COMPLETED" | "FAILED" | "RESTORED";
}

const MEANINGS: ReadonlyMap<string, ResultMeaning> = new Map(
  STEPS.flatMap((step): [ResultType, ResultMeaning][] => {
    const { completed, failed, restored } = STEP_EVENT_TYPES[step];
    return [
      [completed, { step, says: "COMPLETED" }],
      [failed, { step, says: "FAILED" }],
      [restored, { step, says: "RESTORED" }],
    ];
  }),
);

/** Which step says what. */
export const meaningOf = (type: ResultType): ResultMeaning => MEANINGS.get(type)!;

/** Whether the saga minds events of this type. Its topics carry others too: its own OrderCompleted, for one. */
export const isSagaInput = (type: string): type is SagaInput["type"] =>
  type === "OrderCreated" || type === "OrderCancelRequested" || type === "DeadlinePassed" || MEANINGS.has(type);
