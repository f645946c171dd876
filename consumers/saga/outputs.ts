import type { StampedeEvent } from "../../contracts/claims/events.ts";
import type { PlacedOrder, SagaState } from "../../contracts/orders/saga-state.ts";
import { STEPS, type Step } from "../../contracts/orders/steps.ts";
import { cancelStream } from "../../contracts/orders/streams.ts";
import { compensationBegun, settled } from "./announcements.ts";
import { command, restore } from "./commands.ts";
import { isCancellable } from "./decide.ts";
import type { SagaInput } from "./inputs.ts";
import { message } from "./message.ts";

const REVERSED = STEPS.toReversed();

/**
 * What handling an event publishes, whether it is new or was handled before: what it caused and what is still outstanding
 * of that. Commands are outstanding until they are answered; announcements, which have no answer, always. So after a
 * crash between the commit and the publishing, the same messages are published when the event is delivered again, and a result
 * does not re-send messages that other events caused.
 */
export function outputsOf(state: SagaState, input: SagaInput): StampedeEvent[] {
  const { order } = state;
  if (order === null) return [];
  const { eventId } = input;
  const again = input.type === "DeadlinePassed" ? input.data.resend : [];
  const due = (step: Step) => state.steps[step].sent?.by === eventId || again.includes(step);
  const sending = (steps: readonly Step[], status: "REQUESTED" | "RESTORING", make: typeof command) =>
    steps
      .filter((step) => state.steps[step].status === status && due(step))
      .map((step) => make(step, order, state.steps[step].sent!));
  return [
    ...sending(STEPS, "REQUESTED", command),
    ...(state.compensation?.by === eventId ? compensationBegun(state, order) : []),
    ...sending(REVERSED, "RESTORING", restore),
    ...(state.settled?.by === eventId ? settled(state, order) : []),
    ...(input.type === "OrderCancelRequested" && tooLate(state) ? [cancelRefused(order, input)] : []),
  ];
}

const tooLate = (state: SagaState) =>
  state.status === "COMPLETED" || (state.status === "PROCESSING" && !isCancellable(state));

/** Needs no memory: an order that was paid, and not cancelled for another reason since, refuses whenever it is asked. */
function cancelRefused(order: PlacedOrder, input: SagaInput): StampedeEvent {
  const { orderId, userId, orderNumber } = order;
  const sent = { by: input.eventId, at: Date.parse(input.occurredAt), sequence: input.sequence + 1 };
  const data = { orderId, userId, orderNumber, reason: "ORDER_NOT_CANCELLABLE" as const };
  return message({ order, sent }, "OrderCancelRefused", data, { stream: cancelStream(orderId) });
}
