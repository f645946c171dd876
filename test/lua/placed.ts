import type { OrderCreated } from "../../contracts/orders/events.ts";
import { orderIdOf, orderNumberOf, type ProductId } from "../../contracts/orders/ids.ts";
import { orderCreated } from "../../contracts/orders/messages.ts";
import type { UserId } from "../../contracts/wire/ids.ts";
import type { Currency, Money } from "../../contracts/wire/money.ts";

/** An order of one mug, as the door makes it. @param body what tells two bodies under one key apart */
export function placedBy(user: string, idempotencyKey: string, body = "{}", flash = false): OrderCreated {
  const userId = user as UserId;
  const orderId = orderIdOf(userId, idempotencyKey, body);
  const productId = "mug" as ProductId;
  const amount = (value: number) => value as Money;
  return orderCreated(
    {
      orderId,
      userId,
      orderNumber: orderNumberOf(orderId),
      idempotencyKey,
      source: "items",
      items: [{ productId, quantity: 1, unitPrice: amount(500) }],
      flashItems: flash ? [{ productId, quantity: 1 }] : [],
      currency: "EUR" as Currency,
      totalAmount: amount(500),
      discountAmount: amount(0),
      pointsUsed: amount(0),
      payableAmount: amount(500),
      couponId: null,
      payment: { token: "tok_ok" },
      shipping: { country: "DE" },
    },
    Date.now(),
  );
}
