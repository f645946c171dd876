import { type Static, Type } from "@sinclair/typebox";
import { CurrencySchema, MoneySchema } from "./money.ts";

/**
 * The HTTP interface between the payment role's adapter and the simulator:
 *
 *   POST /payments                {key, amount, currency, token}   charge: authorize and capture in one
 *   GET  /payments/:key                                            find
 *   POST /payments/:key/void                                       no capture under this key from now on
 *   POST /payments/:key/refunds   {key, amount}                    `key`: the refund's own, `refund:<orderId>`
 *
 * All answer 200 with the payment as it is now (a decline is one, too), or 404 NOT_FOUND. Every other answer, and none
 * at all, says nothing about the payment.
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
