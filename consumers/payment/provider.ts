import type { Currency, Money } from "../../contracts/money.ts";
import type { OrderId } from "../../contracts/order-ids.ts";

/**
 * What a provider can say of a payment for certain. Amounts are the provider's own, not what we asked for.
 * NOT_FOUND: it knows no payment under this key; of a charge that is still on its way it may know one later.
 */
export type Definite =
  | {
      readonly kind: "captured" | "refunded";
      readonly captured: Money;
      readonly refunded: Money;
      readonly reference: string;
    }
  | { readonly kind: "declined" | "voided"; readonly reason: string | null; readonly reference: string };

export type Answer =
  | Definite
  | { readonly kind: "not-found" }
  /** Nothing is known: no answer in time, an error of theirs, a payment that is being worked on. Never a refusal. */
  | { readonly kind: "unknown"; readonly why: string };

export interface Charge {
  readonly orderId: OrderId;
  readonly amount: Money;
  readonly currency: Currency;
  /** What the client's provider gave for the card. */
  readonly token: string;
}

/**
 * A payment provider as the payment role needs it; docs/payments.md tells how to write an adapter for another one.
 * No call ever rejects, and each comes back within the adapter's time limit. The order's id is the idempotency key: a
 * repeated charge moves no money a second time and answers what became of the first.
 */
export interface PaymentProvider {
  /** Authorizes and captures. After a void of the same key it captures nothing and answers `voided`. */
  charge(charge: Charge): Promise<Answer>;
  find(orderId: OrderId): Promise<Answer>;
  /** No charge with this key may capture from now on. Answers `captured` if one has. */
  void(orderId: OrderId): Promise<Answer>;
  /** Gives back `amount` of the capture, once: its idempotency key is `refund:<orderId>`. */
  refund(orderId: OrderId, amount: Money): Promise<Answer>;
}

/** A refund's own idempotency key. */
export const refundKey = (orderId: OrderId): string => `refund:${orderId}`;
