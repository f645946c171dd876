import type { ResultEvent } from "../../consumers/order-saga/inputs.ts";
import type { CouponId, UserId } from "../../contracts/ids.ts";
import { type Currency, moneyOf } from "../../contracts/money.ts";
import type { DeadlinePassed, OrderCancelRequested, OrderCreated } from "../../contracts/order-events.ts";
import { type OrderId, orderIdOf, orderNumberOf, type ProductId } from "../../contracts/order-ids.ts";
import {
  cancelStream,
  deadlinePassedId,
  deadlineStream,
  orderEventId,
  orderStream,
  stepStream,
} from "../../contracts/order-streams.ts";
import type { ResultCode } from "../../contracts/result-codes.ts";
import { type ResultType, STEP_EVENT_TYPES, type Step } from "../../contracts/steps.ts";

/** The events that a saga is fed in tests, as their producers make them. */

export const userId = "ann" as UserId;
export const orderId: OrderId = orderIdOf(userId, "key-1", "{}");
export const couponId = "7qj4x0m2kd9a" as CouponId;

function envelope(eventId: string, stream: string, sequence: number, causationId: string | null) {
  const occurredAt = "2027-01-01T12:00:00.000Z";
  const base = { version: 1 as const, aggregateId: orderId, correlationId: orderId };
  return { eventId, ...base, stream, sequence, occurredAt, causationId };
}

export type Needs = Partial<Record<"COUPON" | "POINT" | "PAYMENT", boolean>>;

/** Two products for 30.00, 3.00 off by a coupon, 2.00 in points: 25.00 to pay; less if a step is not needed. */
export function orderCreated(needs: Needs = {}, lines = 2): OrderCreated {
  const { COUPON = true, POINT = true, PAYMENT = true } = needs;
  const items = Array.from({ length: lines }, (_, i) => ({
    productId: `p${i + 1}` as ProductId,
    quantity: i + 1,
    unitPrice: moneyOf(1_000),
  }));
  const total = items.reduce((sum, { quantity, unitPrice }) => sum + quantity * unitPrice, 0);
  const discount = COUPON ? 300 : 0;
  // Without PAYMENT the coupon or, if there is none, the price of nothing pays for it all.
  const points = POINT ? (PAYMENT ? 200 : total - discount) : 0;
  return {
    ...envelope(orderEventId(orderId, "OrderCreated"), orderStream(orderId), 1, null),
    type: "OrderCreated",
    data: {
      orderId,
      userId,
      orderNumber: orderNumberOf(orderId),
      idempotencyKey: "key-1",
      source: "items",
      items,
      flashItems: [{ productId: items[0]!.productId, quantity: items[0]!.quantity }],
      currency: "EUR" as Currency,
      totalAmount: moneyOf(total),
      discountAmount: moneyOf(PAYMENT || POINT ? discount : total),
      pointsUsed: moneyOf(points),
      payableAmount: moneyOf(PAYMENT ? total - discount - points : 0),
      couponId: COUPON ? couponId : null,
      payment: { token: "tok_ok" },
      shipping: { country: "DE" },
    },
  };
}

export function cancelRequested(requestedBy: "USER" | "OPERATOR" = "USER"): OrderCancelRequested {
  return {
    ...envelope(orderEventId(orderId, "OrderCancelRequested"), cancelStream(orderId), 1, null),
    type: "OrderCancelRequested",
    data: { orderId, userId, requestedBy },
  };
}

export function deadlinePassed(attempt: number, resend: readonly Step[], giveUp: boolean): DeadlinePassed {
  return {
    ...envelope(deadlinePassedId(orderId, attempt), deadlineStream(orderId), attempt, null),
    type: "DeadlinePassed",
    data: { orderId, userId, resend: [...resend], giveUp },
  };
}

/** What a step answers. `sequence`: see stepStream. */
export function result(step: Step, type: ResultType, sequence: number, reason?: ResultCode): ResultEvent {
  return {
    ...envelope(orderEventId(orderId, type), stepStream(orderId, step), sequence, `cause of ${type}`),
    type,
    data: { orderId, ...(reason === undefined ? {} : { reason }) },
  } as ResultEvent;
}

export const completed = (step: Step) => result(step, STEP_EVENT_TYPES[step].completed, 1);
export const failed = (step: Step, reason: ResultCode) => result(step, STEP_EVENT_TYPES[step].failed, 1, reason);
export const restored = (step: Step) => result(step, STEP_EVENT_TYPES[step].restored, 2);

/** What a parallel order with all steps waits for first. */
export const stageOne = [completed("STOCK"), completed("COUPON"), completed("POINT")];
/** The events up to the moment from which an order can't be cancelled any more. */
export const captured = [orderCreated(), ...stageOne, completed("PAYMENT")];
