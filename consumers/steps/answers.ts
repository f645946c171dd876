import { recordOf } from "../../contracts/event-topics.ts";
import type { OrderId } from "../../contracts/orders/ids.ts";
import { stepCompleted, stepFailed, stepRestored } from "../../contracts/orders/messages.ts";
import type { ResultEvent } from "../../contracts/orders/step-events.ts";
import { STEP_EVENT_TYPES, type Step } from "../../contracts/orders/steps.ts";
import { orderEventId } from "../../contracts/orders/streams.ts";
import type { OutcomeRow } from "../../db/steps/outcomes.ts";
import type { OutgoingRecord } from "../../kafka/kafka.ts";
import type { StepRequest } from "./request.ts";

/**
 * What a step says to a request, from its row alone: a repeated request hears the same event to the letter. Restored
 * outranks everything: a command that meets a tombstone or a restored row hears that too. The cause is therefore the
 * event that an order has one of, not the record that happened to ask.
 */
export function answerTo(step: Step, isRestore: boolean, row: OutcomeRow): ResultEvent {
  const { orderId, outcome, createdAt, restoredAt } = row;
  const types = STEP_EVENT_TYPES[step];
  if (isRestore || outcome === "TOMBSTONE" || restoredAt !== null) {
    const at = (restoredAt ?? createdAt).getTime();
    const causationId = orderEventId(orderId, types.restoreRequested);
    return stepRestored({ orderId, step, at, causationId }, outcome === "TOMBSTONE");
  }
  const answer = { orderId, step, at: createdAt.getTime(), causationId: orderEventId(orderId, types.requested) };
  if (outcome === "COMPLETED") return stepCompleted(answer);
  return stepFailed(answer, row.reason!, row.productId ?? undefined);
}

/** The answers to a batch, each once, in the order of the requests. */
export function answers<S extends Step>(
  step: S,
  requests: readonly StepRequest<S>[],
  rows: ReadonlyMap<OrderId, OutcomeRow>,
): OutgoingRecord[] {
  const said = new Map<string, OutgoingRecord>();
  for (const { orderId, kind } of requests) {
    const row = rows.get(orderId);
    if (row === undefined) continue; // it waits
    const event = answerTo(step, kind === "restore", row);
    said.set(event.eventId, recordOf(event));
  }
  return [...said.values()];
}
