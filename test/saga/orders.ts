import type { DeadlinePassed, OrderCancelRequested, OrderCreated } from "../../contracts/orders/events.ts";
import { type OrderId, orderIdOf, orderNumberOf, type ProductId } from "../../contracts/orders/ids.ts";
import * as messages from "../../contracts/orders/messages.ts";
import type { Step } from "../../contracts/orders/steps.ts";
import type { CouponId, UserId } from "../../contracts/wire/ids.ts";
import { type Currency, moneyOf } from "../../contracts/wire/money.ts";
import type { ResultCode } from "../../contracts/wire/result-codes.ts";

/** The events that a saga is fed in tests, as their producers make them. */

export const userId = "ann" as UserId;
export const orderId: OrderId = orderIdOf(userId, "key-1", "{}");
export const couponId = "7qj4x0m2kd9a" as CouponId;

/** When everything happens that is not the saga's own. */
export const placedAt = Date.UTC(2027, 0, 1, 12);

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
  return messages.orderCreated(
    {
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
    placedAt,
  );
}

export const cancelRequested = (requestedBy: "USER" | "OPERATOR" = "USER"): OrderCancelRequested =>
  messages.orderCancelRequested({ orderId, userId, requestedBy }, placedAt);

export const deadlinePassed = (attempt: number, resend: readonly Step[], giveUp: boolean): DeadlinePassed =>
  messages.deadlinePassed({ orderId, userId, resend: [...resend], giveUp }, attempt, placedAt);

const answer = (step: Step) => ({ orderId, step, at: placedAt, causationId: `what ${step} was asked` });
export const completed = (step: Step) => messages.stepCompleted(answer(step));
export const failed = (step: Step, reason: ResultCode, productId?: string) =>
  messages.stepFailed(answer(step), reason, productId as ProductId | undefined);
export const restored = (step: Step, tombstone = false) => messages.stepRestored(answer(step), tombstone);

/** What a parallel order with all steps waits for first. */
export const stageOne = [completed("STOCK"), completed("COUPON"), completed("POINT")];
/** The events up to the moment from which an order can't be cancelled any more. */
export const captured = [orderCreated(), ...stageOne, completed("PAYMENT")];
