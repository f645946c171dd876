import type { StampedeEvent } from "../../contracts/claims/events.ts";
import type { PlacedOrder, Sent } from "../../contracts/orders/saga-state.ts";
import type { Step } from "../../contracts/orders/steps.ts";
import { message } from "./message.ts";

const quantities = (items: PlacedOrder["items"]) => items.map(({ productId, quantity }) => ({ productId, quantity }));

/** What a step is asked to do. */
export function command(step: Step, order: PlacedOrder, sent: Sent): StampedeEvent {
  const { orderId, userId, currency, totalAmount, discountAmount } = order;
  const owner = { orderId, userId };
  const origin = { order, sent };
  switch (step) {
    case "STOCK":
      return message(origin, "StockDeductionRequested", { ...owner, items: quantities(order.items) });
    case "COUPON":
      return message(origin, "CouponUsageRequested", {
        ...owner,
        couponId: order.couponId!, // else the step was SKIPPED
        totalAmount,
        discountAmount,
        orderedAt: new Date(order.createdAt).toISOString(),
      });
    case "POINT":
      return message(origin, "PointDeductionRequested", { ...owner, points: order.pointsUsed });
    case "PAYMENT":
      return message(origin, "PaymentRequested", {
        ...owner,
        amount: order.payableAmount,
        currency,
        token: order.payment.token,
      });
    case "SHIPPING":
      return message(origin, "ShippingRequested", {
        ...owner,
        items: quantities(order.items),
        shipping: order.shipping,
      });
  }
}

/** What a step is asked to undo, or never to do. */
export function restore(step: Step, order: PlacedOrder, sent: Sent): StampedeEvent {
  const { orderId, userId } = order;
  const owner = { orderId, userId };
  const origin = { order, sent };
  switch (step) {
    case "STOCK":
      return message(origin, "StockRestoreRequested", owner);
    case "COUPON":
      return message(origin, "CouponRestoreRequested", { ...owner, couponId: order.couponId! });
    case "POINT":
      return message(origin, "PointRestoreRequested", owner);
    case "PAYMENT":
      return message(origin, "PaymentRestoreRequested", owner);
    case "SHIPPING":
      return message(origin, "ShippingRestoreRequested", owner);
  }
}
