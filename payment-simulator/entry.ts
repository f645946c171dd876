import type { ProviderPayment } from "../contracts/payments/api.ts";
import type { PaymentWebhook } from "../contracts/payments/webhook.ts";

/** A webhook that its receiver has not taken yet. */
export interface DueWebhook {
  readonly body: PaymentWebhook;
  /** How often it is still to be delivered: twice of `tok_duplicate_webhook`. */
  readonly left: number;
}

/** What the books hold under a key. */
export interface Entry {
  readonly key: string;
  readonly token: string;
  readonly amount: number;
  readonly currency: string;
  /** NONE: calls came in, and nothing came of them. */
  readonly status: ProviderPayment["status"] | "NONE";
  readonly captured: number;
  /** By refund key. */
  readonly refunds: Readonly<Record<string, number>>;
  readonly reason: string | null;
  readonly reference: string;
  /** Charges that came in. */
  readonly calls: number;
  /** When an unexpected capture will appear, milliseconds since 1970. */
  readonly lateAt: number | null;
  readonly webhooks: readonly DueWebhook[];
}

export const newEntry = (key: string, reference: string): Entry => ({
  key,
  token: "",
  amount: 0,
  currency: "EUR",
  status: "NONE",
  captured: 0,
  refunds: {},
  reason: null,
  reference,
  calls: 0,
  lateAt: null,
  webhooks: [],
});

export const refundedOf = (entry: Entry): number =>
  Object.values(entry.refunds).reduce((sum, amount) => sum + amount, 0);

/** The entry as callers see it; null: there is no payment. */
export function paymentOf(entry: Entry): ProviderPayment | null {
  const { key, reference, status, captured, currency, reason } = entry;
  if (status === "NONE") return null;
  const amounts = { capturedAmount: captured, refundedAmount: refundedOf(entry) };
  return { key, reference, status, ...amounts, currency, reason } as ProviderPayment;
}

export const capture = (entry: Entry): Entry => ({
  ...entry,
  status: "CAPTURED",
  captured: entry.amount,
  reason: null,
  lateAt: null,
});

/** Owes the receiver of webhooks the news of what the entry is now. @param outcome of a partial refund, REFUNDED */
export function announce(entry: Entry, times: number, nowMs: number, outcome = entry.status): Entry {
  const body = {
    id: `evt_${entry.reference}_${entry.webhooks.length + 1}`,
    key: entry.key,
    outcome,
    amount: entry.captured,
    currency: entry.currency,
    occurredAt: new Date(nowMs).toISOString(),
  } as PaymentWebhook;
  return { ...entry, webhooks: [...entry.webhooks, { body, left: times }] };
}
