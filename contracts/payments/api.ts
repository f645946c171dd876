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
 * All answer 200 with the payment as it is now (a decline is one, too). Find answers 404 NOT_FOUND if there is none; a charge
 * that is in flight it shows as PENDING, or else a void that comes meanwhile fences it. A void answers 404 NOT_FOUND only if
 * there is nothing to fence. A charge that is not taken (400, 402 or 422 with a refusal as body) is declined if no earlier one
 * under its key was sent, or find knows of none and a void succeeds. Every other answer, and none at all, says nothing about the
 * payment: it is asked for again, after Retry-After if that is given. Answers below 500, except 401 and 429, count as those of a
 * provider that works.
 */
export const PROVIDER_STATUSES = ["PENDING", "CAPTURED", "DECLINED", "VOIDED", "REFUNDED"] as const;
export type ProviderStatus = (typeof PROVIDER_STATUSES)[number];

export const ProviderPayment = Type.Object({
  key: Type.String(),
  reference: Type.String(),
  // PENDING: being worked on. REFUNDED: all that was captured went back.
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

/** The body of an answer that is not a payment: the provider's own word, which a proxy's page is not. */
export const ProviderRefusal = Type.Object({ code: Type.String({ minLength: 1, maxLength: 200 }) });
export type ProviderRefusal = Static<typeof ProviderRefusal>;

/** Statuses by which a provider refuses a charge as it stands: the request, the card, its terms. */
export const REFUSED_STATUSES: ReadonlySet<number> = new Set([400, 402, 422]);
