import type { EventType, StampedeEvent } from "../../contracts/claims/events.ts";
import { type OrderMessage, orderMessage } from "../../contracts/orders/messages.ts";
import type { PlacedOrder, Sent } from "../../contracts/orders/saga-state.ts";
import { orderEventId, orderStream } from "../../contracts/orders/streams.ts";

/** A message of the saga: the order, and the place it was sent in. */
export interface Origin {
  readonly order: PlacedOrder;
  readonly sent: Sent;
}

/** The same origin makes the same message, to the letter: sending it again is sending nothing new. */
export function message<T extends EventType>(
  { order, sent }: Origin,
  type: T,
  data: OrderMessage<T>["data"],
  options: { readonly detail?: string; readonly stream?: string } = {},
): StampedeEvent {
  const { orderId } = order;
  return orderMessage({
    type,
    eventId: orderEventId(orderId, type, options.detail),
    stream: options.stream ?? orderStream(orderId),
    sequence: sent.sequence,
    at: sent.at,
    causationId: sent.by,
    data,
  });
}
