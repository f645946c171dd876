import type { StampedeEvent } from "../../contracts/events.ts";
import type { PlacedOrder, SagaState, Sent } from "../../contracts/saga-state.ts";
import { message } from "./message.ts";

type Stage = "COMPENSATING" | "COMPLETED" | "CANCELLED";

/** What the log hears when a compensation begins: the fact and, unless it ends at once, the owner's message. */
export function compensationBegun(state: SagaState, order: PlacedOrder): StampedeEvent[] {
  const { steps, ...sent } = state.compensation!;
  const { orderId, userId } = order;
  const data = { orderId, userId, ...state.failure!, steps: [...steps] };
  const required = message({ order, sent }, "CompensationRequired", data);
  return steps.length === 0 ? [required] : [required, told(state, order, "COMPENSATING", next(sent))];
}

/** What the log hears at the end: the fact and the owner's message. */
export function settled(state: SagaState, order: PlacedOrder): StampedeEvent[] {
  const sent = state.settled!;
  const fact = state.status === "COMPLETED" ? completed(order, sent) : cancelled(state, order, sent);
  return [fact, told(state, order, state.status as Stage, next(sent))];
}

function completed(order: PlacedOrder, sent: Sent): StampedeEvent {
  const { orderId, userId, orderNumber, currency, totalAmount, discountAmount, pointsUsed, payableAmount } = order;
  return message({ order, sent }, "OrderCompleted", {
    orderId,
    userId,
    orderNumber,
    items: order.items.map(({ productId, quantity }) => ({ productId, quantity })),
    currency,
    totalAmount,
    discountAmount,
    pointsUsed,
    payableAmount,
  });
}

function cancelled(state: SagaState, order: PlacedOrder, sent: Sent): StampedeEvent {
  const { orderId, userId } = order;
  const failure = state.failure!;
  return message({ order, sent }, "CompensationCompleted", {
    orderId,
    userId,
    ...failure,
    steps: [...state.compensation!.steps],
    // The database had less than the door thought: giving admission back would let the next one in for nothing.
    releaseAdmission: failure.reason === "INSUFFICIENT_STOCK" ? [] : order.flashItems,
  });
}

function told(state: SagaState, order: PlacedOrder, status: Stage, sent: Sent): StampedeEvent {
  const { orderId, userId, orderNumber } = order;
  const why = status === "COMPLETED" ? {} : state.failure!;
  const data = { orderId, userId, orderNumber, status, ...why };
  return message({ order, sent }, "OrderStatusChanged", data, { detail: status });
}

const next = (sent: Sent): Sent => ({ ...sent, sequence: sent.sequence + 1 });
