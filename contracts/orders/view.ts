import type { OrderView, StepView } from "./http.ts";
import { type PlacedOrder, type SagaState, type StepState, stepsOf } from "./saga-state.ts";
import { STEPS } from "./steps.ts";

const timeOf = (ms: number | undefined) => (ms === undefined ? null : new Date(ms).toISOString());

/** The five steps as the order's owner sees them. */
export function stepViews(steps: SagaState["steps"]): StepView[] {
  return STEPS.map((name) => {
    const { status, requestedAt, completedAt, restoredAt, reason }: StepState = steps[name];
    return {
      name,
      status,
      requestedAt: timeOf(requestedAt),
      completedAt: timeOf(completedAt),
      restoredAt: timeOf(restoredAt),
      reason: reason ?? null,
    };
  });
}

/** GET /orders/:orderId of an order that was accepted, and that the saga has not seen yet. */
export const pendingView = (order: PlacedOrder): OrderView =>
  orderView({ order, status: "PENDING", steps: stepsOf(order) });

/** GET /orders/:orderId of an order that the saga has seen. */
export function orderView(
  state: Pick<SagaState, "status" | "steps" | "failure"> & { readonly order: PlacedOrder },
): OrderView {
  const { orderId, orderNumber, items, totalAmount, discountAmount, pointsUsed, payableAmount, currency, createdAt } =
    state.order;
  const { failure } = state;
  return {
    orderId,
    orderNumber,
    status: state.status,
    items,
    totalAmount,
    discountAmount,
    pointsUsed,
    payableAmount,
    currency,
    createdAt: new Date(createdAt).toISOString(),
    ...(failure === undefined ? {} : { failureReason: failure.reason }),
    ...(failure?.productId === undefined ? {} : { failureProductId: failure.productId }),
    steps: stepViews(state.steps),
  };
}
