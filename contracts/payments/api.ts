import { type Static, Type } from "@sinclair/typebox";
import { CurrencySchema, MoneySchema } from "../wire/money.ts";

/**
 * The HTTP interface between the payment role's adapter and the simulator:
 *
 *   POST /payments                {key, amount, currency, token}   charge: authorize and capture in one
 *   GET  /payments/:key                                            find
 *   POST /payments/:key/void                                       no capture under this key from now on, of a charge that is
 *                                                                  in flight or PENDING neither
 *   POST /payments/:key/refunds   {key, amount}                    `key`: the refund's own: `refund:<orderId>`, and
 *                                                                  `refund:<orderId>:…` if another amount is left later
 *
 * All answer 200 with the payment as it is now; a declined payment is a payment too. Find answers 404 NOT_FOUND if there is no
 * payment. It shows a charge that is in flight as PENDING, unless a void arrives first and prevents the charge. A void answers
 * 404 NOT_FOUND only if there is nothing to prevent. A charge that is refused (400, 402 or 422 with a refusal as body) is
 * declined if no earlier charge was sent under its key, or if find knows none and a void succeeds. After every other answer, or
 * no answer, the payment is unknown: it is asked for again, after Retry-After if that is given. Answers below 500, except 401
 * and 429, count as answers of a provider that works.
 */
export const PROVIDER_STATUSES = ["PENDING", "CAPTURED", "DECLINED", "VOIDED", "REFUNDED"] as const;
export type ProviderStatus = (typeof PROVIDER_STATUSES)[number];

export const ProviderPayment = Type.Object({
  key: Type.String(),
  reference: Type.String(),
  // PENDING: in progress. REFUNDED: the whole captured amount was refunded.
  status: Type.Union(PROVIDER_STATUSES.map((status) => Type.Literal(status))),
  capturedAmount: MoneySchema,
  refundedAmount: MoneySchema,
  currency: CurrencySchema,
  reason: Type.Union([Type.String(), Type.Null()]),
});
export type ProviderPayment = Static<typeof ProviderPayment>;

export const ChargeRequest = Type.Object({
  key: Type.String({ minLength: 1, maxLength: 200 }),
  amount: MoneySchema,
  currency: CurrencySchema,
  token: Type.String({ maxLength: 200 }),
});
export type ChargeRequest = Static<typeof ChargeRequest>;

export const RefundRequest = Type.Object({ key: Type.String({ minLength: 1, maxLength: 200 }), amount: MoneySchema });
export type RefundRequest = Static<typeof RefundRequest>;

/** The body of an answer that is not a payment. It proves that the provider answered, not a proxy in between. */
export const ProviderRefusal = Type.Object({ code: Type.String({ minLength: 1, maxLength: 200 }) });
export type ProviderRefusal = Static<typeof ProviderRefusal>;

/** Statuses with which a provider refuses this charge: because of the request, the card, or its terms. */
export const REFUSED_STATUSES: ReadonlySet<number> = new Set([400, 402, 422]);
