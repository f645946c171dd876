import type { StampedeEvent } from "../../contracts/claims/events.ts";
import type { PlacedOrder, SagaState, Sent } from "../../contracts/orders/saga-state.ts";
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

/**
 * What the log hears at the end: the fact, the owner's message and, of a cancelled order, the fact once more on the topic that
 * OrderCompleted goes to. It comes last, so that the two before it have the places that the release without it gave them:
 * while both releases run, each may repeat what the other said. An order that was settled without it has no place for it.
 */
export function settled(state: SagaState, order: PlacedOrder): StampedeEvent[] {
  const { places = 2, ...sent } = state.settled!;
  const news = told(state, order, state.status as Stage, next(sent));
  if (state.status === "COMPLETED") return [message({ order, sent }, "OrderCompleted", summary(order)), news];
  const fact = compensated(state, order, sent);
  if (places < 3) return [fact, news];
  const data = { ...summary(order), ...state.failure! };
  return [fact, news, message({ order, sent: next(next(sent)) }, "OrderCancelled", data)];
}

/** The order as those see it who follow orders. */
function summary(order: PlacedOrder) {
  const { orderId, userId, orderNumber, currency, totalAmount, discountAmount, pointsUsed, payableAmount } = order;
  const items = order.items.map(({ productId, quantity }) => ({ productId, quantity }));
  return { orderId, userId, orderNumber, items, currency, totalAmount, discountAmount, pointsUsed, payableAmount };
}

function compensated(state: SagaState, order: PlacedOrder, sent: Sent): StampedeEvent {
  const { orderId, userId } = order;
  const failure = state.failure!;
  return message({ order, sent }, "CompensationCompleted", {
    orderId,
    userId,
    ...failure,
    steps: [...state.compensation!.steps],
    // The database had less stock than the admission said: giving it back would admit another order that cannot be filled.
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
