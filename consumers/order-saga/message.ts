import type { EventType, StampedeEvent } from "../../contracts/events.ts";
import { orderEventId, orderStream } from "../../contracts/order-streams.ts";
import type { PlacedOrder, Sent } from "../../contracts/saga-state.ts";

/** A message of the saga: the order, and the place it was sent in. */
export interface Origin {
  readonly order: PlacedOrder;
  readonly sent: Sent;
}

/** The same origin makes the same message, to the letter: sending it again is sending nothing new. */
export function message<T extends EventType>(
  { order, sent }: Origin,
  type: T,
  data: Extract<StampedeEvent, { type: T }>["data"],
  options: { readonly detail?: string; readonly stream?: string } = {},
): StampedeEvent {
  const { orderId } = order;
  const event = {
    eventId: orderEventId(orderId, type, options.detail),
    type,
    version: 1,
    aggregateId: orderId,
    stream: options.stream ?? orderStream(orderId),
    sequence: sent.sequence,
    occurredAt: new Date(sent.at).toISOString(),
    correlationId: orderId,
    causationId: sent.by,
    data,
  };
  // Type and data belong together: the signature says so, which the compiler can't carry over to the union.
  return event as unknown as StampedeEvent;
}
