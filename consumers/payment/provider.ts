import type { OrderId } from "../../contracts/orders/ids.ts";
import type { Currency, Money } from "../../contracts/wire/money.ts";

/** What a provider can say of a payment for certain. Amounts and currency are the provider's own, not what we asked for. */
export type Definite =
  | {
      readonly kind: "captured" | "refunded";
      readonly captured: Money;
      readonly refunded: Money;
      readonly currency: Currency;
      readonly reference: string;
    }
  | { readonly kind: "declined" | "voided"; readonly reason: string | null; readonly reference: string };

/** It knows no payment under this key; of a charge that is still on its way it may know one later. */
export interface NotFound {
  readonly kind: "not-found";
}

/** Nothing is known: no answer in time, an error of theirs, a payment that is being worked on. Never a refusal. */
export interface Unknown {
  readonly kind: "unknown";
  readonly why: string;
  /** The provider itself works, only this payment has no outcome yet: it does not count towards the breaker. */
  readonly alive?: boolean;
  /** The time limit passed without an answer: a slow card, or a provider that is away. */
  readonly late?: boolean;
  /** A person should look at it: the same call is not likely to succeed later. */
  readonly alarm?: boolean;
  /** Milliseconds for which the provider wants no call; bounded by the adapter. */
  readonly waitMs?: number;
}

export type ProviderAnswer = Definite | NotFound | Unknown;

/** The provider will not take this charge: its terms, its token, the amount. It says nothing about earlier charges. */
export interface Refused {
  readonly kind: "refused";
  /** The provider's own word for it. */
  readonly code: string;
}

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
  charge(charge: Charge): Promise<Definite | Unknown | Refused>;
  /** A charge that is in flight is `unknown` (PENDING) here; if it may be `not-found`, `void` must fence it. */
  find(orderId: OrderId): Promise<ProviderAnswer>;
  /**
   * No charge with this key may capture from now on, one that is in flight or PENDING included. Answers `captured` if one has.
   * `not-found` only if no such charge can be in flight: it fences nothing.
   */
  void(orderId: OrderId): Promise<ProviderAnswer>;
  /** Gives back `amount` of the capture, once for each `key`. */
  refund(orderId: OrderId, amount: Money, key: string): Promise<Definite | Unknown>;
}

/** What is with the provider, and what of the refunds was not ours. */
export interface Held {
  readonly captured: Money;
  readonly refunded: Money;
}

/**
 * A refund's own idempotency key. The first refund of a payment has the published name, whatever its amount. Another amount than
 * that has another key, which also names what had gone back before: a provider refuses another amount under a known key,
 * and moves nothing a second time under a used one. Made of the row, which does not change until the refund is definite, so each
 * try finds the same key.
 * @param row as it was when the return became due @param there what the provider holds now
 */
export function refundKey(orderId: OrderId, row: Held & { readonly refundedElsewhere: Money }, there: Held): string {
  const amount = there.captured - there.refunded;
  const weRefunded = row.refunded > row.refundedElsewhere;
  return !weRefunded && amount === row.captured - row.refunded
    ? `refund:${orderId}`
    : `refund:${orderId}:${there.refunded}:${amount}`;
}
